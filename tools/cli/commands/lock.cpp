#include "tools/cli/commands/lock.h"

#include <poll.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <optional>

#include "runtime/agent/process.h"
#include "tools/cli/cluster_choice.h"
#include "tools/cli/connection.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/output.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds look_every{200};  // Whether it is still held.

// Of any thread: a signal may be handled in the session's.
std::atomic<int> child = 0;
std::atomic<int> came = 0;  // A signal that is not handed on yet: there may be no child.

/// Once each, whoever does it.
void hand_on() {
  if (child == 0) return;
  if (const int number = came.exchange(0); number != 0) ::kill(child, number);
}

/// ^C reaches the command from the terminal itself; what is sent to this process alone is handed on.
void mind_the_child() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  ::sigaction(SIGINT, &action, nullptr);
  action.sa_handler = [](int number) {
    came = number;
    hand_on();
  };
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGHUP, &action, nullptr);
}

Result<ClaimOptions> options_of(const LockCommand& command) {
  ClaimOptions options;
  if (!command.lease.empty()) {
    const auto lease = parse_duration(command.lease);
    if (!lease) return bad_input("--lease: found '" + command.lease + "', expected " + expected_duration);
    options.lease = *lease;
  }
  if (!command.limit.empty()) {
    const auto limit = parse_limit(command.limit);
    if (!limit) return bad_input("--limit: found '" + command.limit + "', expected 0, or " + expected_duration);
    options.limit = *limit;
  }
  return options;
}

}  // namespace

int lock_command(const LockCommand& command) {
  const char* verb = command.is_semaphore ? "semaphore" : "lock";
  const auto fail = [&](const Error& error, int code) {
    complain(verb, error.message);
    return code;
  };
  if (command.argv.empty()) return fail(bad_input("expected a command behind --"), exit_bad_input);
  const auto options = options_of(command);
  if (!options) return fail(options.error(), exit_bad_input);
  auto session = connect_to_cluster(command.cluster);
  if (!session) return fail(session.error(), exit_code_of(session.error()));
  auto held = command.is_semaphore ? session->try_acquire({command.name, command.take, command.permits}, *options)
                                   : session->try_lock(command.name, *options);
  if (!held) return fail(held.error(), exit_code_of_answer(held.error()));

  mind_the_child();
  auto process = start_process(
      {.argv = command.argv, .executable = {}, .environment = {{"TROUPE_TOKEN", std::to_string(held->token())}}});
  if (!process) return fail(process.error(), 127);
  child = process->pid;
  hand_on();
  bool is_lost = false;
  while (!has_ended(*process)) {
    pollfd end{process->descriptor, POLLIN, 0};
    ::poll(&end, 1, static_cast<int>(look_every.count()));
    if (is_lost || !held->lost()) continue;
    is_lost = true;
    complain(verb, "'" + command.name + "' is lost: its lease was over, or the cluster is gone; the command is ended");
    ::kill(process->pid, SIGTERM);
  }
  child = 0;
  const ProcessEnd end = reap(*process);
  if (is_lost) return exit_work_failed;
  return end.signal != 0 ? 128 + end.signal : end.exit_code;
}

}  // namespace troupe::cli
