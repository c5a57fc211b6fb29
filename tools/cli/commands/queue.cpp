#include "tools/cli/commands/queue.h"

#include <charconv>
#include <cstdio>
#include <iostream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "tools/cli/cluster_choice.h"
#include "tools/cli/connection.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/json_line.h"
#include "tools/cli/output.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

using std::chrono::milliseconds;

// Nobody renews it: the command is over when the message is worked on.
constexpr milliseconds usual_lease{60'000};
constexpr milliseconds slack{5000};

int fail(const std::string& verb, const Error& error, int code) {
  complain("queue " + verb, error.message);
  return code;
}

Result<milliseconds> duration_of(const std::string& option, const std::string& text, milliseconds otherwise) {
  if (text.empty()) return otherwise;
  const auto read = parse_limit(text);
  if (!read) return bad_input(option + ": found '" + text + "', expected 0, or " + expected_duration);
  return *read;
}

std::string line_of(const QueueReceive& command, const sync::Answer& answer) {
  if (!command.json) return std::to_string(answer.token) + ' ' + answer.body;
  const nlohmann::json line{
      {"queue", command.name}, {"token", answer.token}, {"deliveries", answer.deliveries}, {"message", answer.body}};
  return json_line(line);
}

int acknowledge(SyncClient& client, const std::string& verb, const std::string& queue, sync::Token token) {
  const auto answer = client.wait(client.start(sync::Acknowledge{queue, token}), slack);
  if (!answer) return fail(verb, answer.error(), exit_code_of_answer(answer.error()));
  if (answer->outcome == sync::Outcome::done) return exit_done;
  return fail(verb,
              {Fault::peer_lost, "no message of queue '" + queue + "' is held under token " + std::to_string(token) +
                                     ": its lease was over, or it was acknowledged"},
              exit_work_failed);
}

}  // namespace

int queue_send_command(const QueueSend& command) {
  const auto limit = duration_of("--limit", command.limit, sync::for_ever);
  if (!limit) return fail("send", limit.error(), exit_bad_input);
  std::vector<std::string> messages = command.messages;
  if (messages.empty())
    messages.emplace_back(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  auto session = connect_to_cluster(command.cluster);
  if (!session) return fail("send", session.error(), exit_code_of(session.error()));
  if (command.capacity != 0 || command.max_deliveries != 0 || command.durable) {
    sync::QueueOptions options{.durable = command.durable};
    if (command.capacity != 0) options.capacity = command.capacity;
    if (command.max_deliveries != 0) options.max_deliveries = command.max_deliveries;
    if (auto opened = session->try_queue(command.name, options); !opened)
      return fail("send", opened.error(), exit_code_of_answer(opened.error()));
  }
  MessageQueue queue = session->unopened_queue(command.name);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto sent = queue.send(std::move(messages[i]), *limit);
    if (sent) continue;
    Error error = sent.error();
    if (messages.size() > 1)
      error.message +=
          "; of " + std::to_string(messages.size()) + " messages the first " + std::to_string(i) + " were sent";
    return fail("send", error, exit_code_of_answer(error));
  }
  return exit_done;
}

int queue_receive_command(const QueueReceive& command) {
  const auto limit = duration_of("--limit", command.limit, sync::for_ever);
  if (!limit) return fail("receive", limit.error(), exit_bad_input);
  const auto lease = duration_of("--lease", command.lease, usual_lease);
  if (!lease) return fail("receive", lease.error(), exit_bad_input);
  auto session = connect_to_cluster(command.cluster);
  if (!session) return fail("receive", session.error(), exit_code_of(session.error()));
  SyncClient& client = session->core().sync();
  const sync::Receive receive{
      .queue = command.name, .lease = *lease, .patience = *limit, .outlives_client = !command.acknowledge};
  const auto answer = client.wait(client.start(receive), *limit >= sync::for_ever ? *limit : *limit + slack);
  if (!answer) return fail("receive", answer.error(), exit_code_of_answer(answer.error()));
  if (answer->outcome == sync::Outcome::refused)
    return fail("receive", {Fault::refused, answer->refusal}, exit_bad_input);
  if (answer->outcome != sync::Outcome::granted) {
    return fail("receive", {Fault::timed_out, "queue '" + command.name + "' has no message"}, exit_work_failed);
  }
  std::printf("%s\n", line_of(command, *answer).c_str());
  if (std::fflush(stdout) != 0)
    return fail("receive", {Fault::unavailable, "nobody takes its output"}, exit_work_failed);
  if (!command.acknowledge) return exit_done;
  return acknowledge(client, "receive", command.name, answer->token);
}

int queue_acknowledge_command(const QueueAcknowledge& command) {
  std::uint64_t token = 0;
  const char* past = command.token.data() + command.token.size();
  const auto [end, error] = std::from_chars(command.token.data(), past, token);
  if (error != std::errc{} || end != past)
    return fail("ack", bad_input("found '" + command.token + "', expected the token that 'queue receive' printed"),
                exit_bad_input);
  auto session = connect_to_cluster(command.cluster);
  if (!session) return fail("ack", session.error(), exit_code_of(session.error()));
  return acknowledge(session->core().sync(), "ack", command.name, token);
}

}  // namespace troupe::cli
