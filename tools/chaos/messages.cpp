// A producer or a consumer of a queue under chaos: until its stdin is closed. Each line of its stdout says what it does
// or was told: `sending|sent NUMBER NS`, `got NUMBER NS TOKEN DELIVERIES`, `acking|acked NUMBER NS TOKEN`.
//
//   chaos_messages CLUSTER_FILE QUEUE send FIRST
//   chaos_messages CLUSTER_FILE QUEUE receive SEED
//   chaos_messages CLUSTER_FILE QUEUE drain 0
//
// `receive` puts every 20th message back whenever it comes, until it is a dead letter, and now and then another one;
// `drain` acknowledges all.
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <random>
#include <string>

#include "runtime/api/session.h"
#include "scheduler/local/roles.h"
#include "scheduler/local/standing.h"

namespace {

using namespace troupe;
using std::chrono::milliseconds;

constexpr sync::QueueOptions options{.capacity = 2'000, .max_deliveries = 3, .durable = true};
constexpr milliseconds between_messages{50};
constexpr milliseconds patience{500};
constexpr long always_put_back = 20;

long long now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

void say(const char* what, long number, const std::string& more = {}) {
  std::printf("%s %ld %lld%s\n", what, number, now_ns(), more.c_str());
  std::fflush(stdout);
}

/// Waits; false when nobody wants more.
bool is_wanted(milliseconds wait) {
  pollfd line{STDIN_FILENO, POLLIN, 0};
  return ::poll(&line, 1, static_cast<int>(wait.count())) == 0;
}

void send(MessageQueue& queue, long number) {
  for (; is_wanted(between_messages); ++number) {
    say("sending", number);
    const std::string text = std::to_string(number);
    if (queue.send(Bytes(text.begin(), text.end()))) say("sent", number);
  }
}

void receive(MessageQueue& queue, std::mt19937 dice, bool takes_all) {
  while (is_wanted(milliseconds(0))) {
    auto message = queue.receive(patience);
    if (!message) {
      if (message.error().fault != Fault::timed_out) ::poll(nullptr, 0, static_cast<int>(patience.count()));
      continue;
    }
    const long number = std::stol(std::string(message->body().begin(), message->body().end()));
    const std::string token = ' ' + std::to_string(message->token());
    say("got", number, token + ' ' + std::to_string(message->deliveries()));
    if (!takes_all) {
      ::poll(nullptr, 0, static_cast<int>(dice() % 40));
      if (number % always_put_back == 0 || dice() % 15 == 0) continue;
    }
    say("acking", number, token);
    if (message->acknowledge()) say("acked", number, token);
  }
}

int play(const std::string& cluster_file, const std::string& name, const std::string& part, unsigned long number) {
  const auto file = scheduler::read_cluster_file(cluster_file);
  auto session = file ? scheduler::connect(*file) : Result<Session>(file.error());
  if (!session) {
    std::fprintf(stderr, "chaos_messages: %s\n", session.error().message.c_str());
    return 3;
  }
  MessageQueue queue = session->unopened_queue(name);
  while (part != "drain") {
    auto opened = session->try_queue(name, options);
    if (opened) {
      queue = std::move(*opened);
      break;
    }
    if (!is_wanted(patience)) return 0;
  }
  if (part == "send") {
    send(queue, static_cast<long>(number));
  } else {
    receive(queue, std::mt19937(static_cast<unsigned>(number)), part == "drain");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  play_role(argc, argv, [](Catalog&) {});
  if (argc != 5) {
    std::fprintf(stderr, "usage: chaos_messages CLUSTER_FILE QUEUE send|receive|drain NUMBER\n");
    return 2;
  }
  return play(argv[1], argv[2], argv[3], std::stoul(argv[4]));
}
