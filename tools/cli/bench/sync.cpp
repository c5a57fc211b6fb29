#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <stdexcept>

#include "scheduler/local/standing.h"
#include "tools/cli/bench/bench.h"
#include "tools/cli/bench/place.h"

namespace troupe::cli {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Counts = std::vector<std::uint64_t>;  // Of each window.

constexpr std::size_t windows = 5;
constexpr milliseconds usual_window{1000};
constexpr milliseconds patience{10'000};
constexpr std::size_t locks = 64;
constexpr std::size_t messages_under_way = 1024;
constexpr std::size_t message_bytes = 100;

/// Counts what happens in each window, all processes by the same clock.
class Windows {
 public:
  /// The first comes after half of one, to warm up.
  Windows(Clock::time_point begin, milliseconds window)
      : begin_(begin + window / 2), window_(window), counts_(windows) {}

  bool is_over() const { return Clock::now() >= begin_ + windows * window_; }
  void count() {
    const auto since = Clock::now() - begin_;
    if (since < milliseconds(0)) return;
    const auto at = static_cast<std::size_t>(since / window_);
    if (at < windows) ++counts_[at];
  }
  const Counts& counts() const { return counts_; }

 private:
  Clock::time_point begin_;
  milliseconds window_;
  Counts counts_;
};

sync::Answer answer_of(SyncClient& client, SyncClient::Number number) {
  auto answer = client.wait(number, patience);
  if (!answer) throw std::runtime_error(answer.error().message);
  if (answer->outcome == sync::Outcome::refused) throw std::runtime_error(answer->refusal);
  return std::move(*answer);
}

/// Every lock is wanted by every process all the time.
void take_locks(Session& session, Windows& counted) {
  SyncClient& client = session.core().sync();
  std::vector<SyncClient::Number> wanted;
  const auto ask = [&](std::size_t at) { return client.start(sync::Acquire{.name = "bench-" + std::to_string(at)}); };
  for (std::size_t i = 0; i < locks; ++i) wanted.push_back(ask(i));
  for (std::size_t at = 0; !counted.is_over(); at = (at + 1) % locks) {
    const sync::Answer granted = answer_of(client, wanted[at]);
    if (granted.outcome != sync::Outcome::granted) throw std::runtime_error("a lock was not granted");
    counted.count();
    client.tell(sync::Release{granted.token});
    wanted[at] = ask(at);
  }
}

void send_messages(Session& session, Windows& counted) {
  SyncClient& client = session.core().sync();
  std::vector<SyncClient::Number> sent(messages_under_way / 2);
  const sync::Send message{"bench", Bytes(message_bytes, 'x')};
  for (auto& each : sent) each = client.start(message);
  for (std::size_t at = 0; !counted.is_over(); at = (at + 1) % sent.size()) {
    // A full queue pushes back: the message is sent again, after what is under way.
    (void)answer_of(client, sent[at]);
    sent[at] = client.start(message);
  }
}

void receive_messages(Session& session, Windows& counted) {
  SyncClient& client = session.core().sync();
  std::vector<SyncClient::Number> wanted(messages_under_way / 2);
  std::vector<SyncClient::Number> acknowledged(wanted.size());
  for (auto& each : wanted) each = client.start(sync::Receive{.queue = "bench"});
  for (std::size_t at = 0; !counted.is_over(); at = (at + 1) % wanted.size()) {
    const sync::Answer message = answer_of(client, wanted[at]);
    if (message.body.size() != message_bytes) throw std::runtime_error("a message came damaged");
    if (acknowledged[at] != 0) {
      if (answer_of(client, acknowledged[at]).outcome != sync::Outcome::done)
        throw std::runtime_error("a message was delivered twice");
      counted.count();
    }
    acknowledged[at] = client.start(sync::Acknowledge{"bench", message.token});
    wanted[at] = client.start(sync::Receive{.queue = "bench"});
  }
}

void pass_barrier(Session& session, Windows& counted) {
  Barrier barrier = session.barrier("bench", 2);
  while (!counted.is_over()) {
    // The other one may be done before the last round.
    if (const auto round = barrier.arrive_and_wait(milliseconds(500)); round) counted.count();
  }
}

using Work = void (*)(Session&, Windows&);

/// Forks a driver that works at `work`, and tells its counts through the descriptor.
int fork_driver(const scheduler::ClusterFile& cluster, Windows counted, Work work, pid_t& pid) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("cannot make a pipe");
  std::fflush(nullptr);
  pid = ::fork();
  if (pid != 0) {
    ::close(ends[1]);
    return ends[0];
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  try {
    auto session = scheduler::connect(cluster);
    if (!session) throw std::runtime_error(session.error().message);
    work(*session, counted);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "troupe bench: a driver: %s\n", error.what());
    ::_exit(1);
  }
  const auto& counts = counted.counts();
  const auto size = static_cast<ssize_t>(counts.size() * sizeof counts[0]);
  ::_exit(::write(ends[1], counts.data(), static_cast<std::size_t>(size)) == size ? 0 : 1);
}

/// A cluster, and a driver process for each of `works`. The windows of the last one, or of all together.
Measured measure(const Bench& bench, const std::string& name, const std::vector<Work>& works, bool sums_up) {
  const BenchCluster cluster(bench, {.show_output = false});  // No thread: it forks.
  std::fprintf(stderr, "sync: %s: on %s\n", name.c_str(), cluster.describe().c_str());
  const milliseconds window = bench.window(usual_window);
  const Windows counted(Clock::now() + milliseconds(100), window);
  std::vector<pid_t> pids(works.size());
  std::vector<int> pipes;
  for (std::size_t i = 0; i < works.size(); ++i)
    pipes.push_back(fork_driver(cluster.file(), counted, works[i], pids[i]));
  Measured rate{"sync", name, "1/s", std::vector<double>(windows)};
  bool is_whole = true;
  for (std::size_t i = 0; i < works.size(); ++i) {
    Counts counts(windows);
    const auto size = static_cast<ssize_t>(windows * sizeof counts[0]);
    is_whole = ::read(pipes[i], counts.data(), static_cast<std::size_t>(size)) == size && is_whole;
    ::close(pipes[i]);
    ::waitpid(pids[i], nullptr, 0);
    if (!sums_up && i + 1 < works.size()) continue;
    for (std::size_t at = 0; at < windows; ++at)
      rate.runs[at] += static_cast<double>(counts[at]) * 1000.0 / static_cast<double>(window.count());
  }
  if (!is_whole) throw std::runtime_error(name + ": a driver failed");
  return rate;
}

void bench_sync(Bench& bench) {
  std::fprintf(
      stderr,
      "sync: a scheduler process and 2 driver processes over ipc sockets, nothing durable; %zu windows. "
      "lock_grants: both want the same %zu locks all the time, granted and given back. queue_messages: one "
      "sends %zu bytes each, one receives and acknowledges; sent, delivered and acknowledged ones are counted, "
      "at most %zu under way. barrier_rounds: two parties, one round after the other\n",
      windows, locks, message_bytes, messages_under_way);
  const auto run = [&](const char* name, const std::vector<Work>& works, bool sums_up) {
    if (bench.wants(name)) bench.print(measure(bench, name, works, sums_up));
  };
  run("lock_grants", {take_locks, take_locks}, true);
  run("queue_messages", {send_messages, receive_messages}, false);
  run("barrier_rounds", {pass_barrier, pass_barrier}, false);
}

}  // namespace

Suite sync_suite() { return {"sync", {"lock_grants", "queue_messages", "barrier_rounds"}, {}, bench_sync}; }

}  // namespace troupe::cli
