#include "scheduler/sync/describe.h"

#include <cstdint>
#include <vector>

#include "runtime/base/overloaded.h"
#include "scheduler/sync/claims.h"

namespace troupe::scheduler {
namespace {

std::string joined(const std::vector<sync::Token>& tokens) {
  std::string text;
  for (const sync::Token token : tokens) text += (text.empty() ? "" : ", ") + token_text(token);
  return text;
}

}  // namespace

std::string token_text(sync::Token token) {
  const auto epoch = token >> token_counter_bits;
  const std::string counter = std::to_string(token & ((std::uint64_t{1} << token_counter_bits) - 1));
  return epoch > 1 ? std::to_string(epoch) + ':' + counter : counter;
}

std::string describe(const sync::Request& request) {
  const auto what = std::visit(
      Overloaded{
          [](const sync::Acquire& e) {
            const bool is_lock = e.kind == sync::Kind::lock;
            return (e.held ? "claim again " + token_text(e.held) + " of " : std::string("acquire ")) +
                   (is_lock ? "lock '"
                            : std::to_string(e.permits) + " of " + std::to_string(e.capacity) + " of semaphore '") +
                   e.name + '\'';
          },
          [](const sync::Release& e) { return "release " + token_text(e.token); },
          [](const sync::Renew& e) { return "renew " + joined(e.tokens); },
          [](const sync::Arrive& e) {
            return "arrive at barrier '" + e.name + "' of " + std::to_string(e.parties) + " after round " +
                   std::to_string(e.passed);
          },
          [](const sync::OpenQueue& e) { return "open queue '" + e.name + '\''; },
          [](const sync::Send& e) { return "send to '" + e.queue + '\''; },
          [](const sync::Receive& e) {
            return (e.held ? "claim again " + token_text(e.held) + " of '" : "receive from '") + e.queue + '\'';
          },
          [](const sync::Acknowledge& e) { return "acknowledge " + token_text(e.token); },
          [](const sync::Recall& e) {
            return "recall round " + std::to_string(e.passed) + " of barrier '" + e.name + '\'';
          },
          [](const sync::GiveUp& e) { return "give up " + std::to_string(e.request); },
      },
      request.operation);
  return what + " (" + std::to_string(request.number) + ')';
}

std::string describe(const sync::Answer& answer) {
  const auto outcome = [&]() -> std::string {
    switch (answer.outcome) {
      case sync::Outcome::granted:
        return "granted as " + token_text(answer.token) +
               (answer.message ? ": message " + token_text(answer.message) : "");
      case sync::Outcome::done: return answer.token ? "done, round " + std::to_string(answer.token) : "done";
      case sync::Outcome::waiting: return "waits for round " + std::to_string(answer.token);
      case sync::Outcome::timed_out: return "timed out";
      case sync::Outcome::full: return "full";
      case sync::Outcome::lost: return "lost " + token_text(answer.token);
      case sync::Outcome::refused: return answer.refusal;
    }
    return "";
  }();
  const std::string lost = answer.lost.empty() ? "" : ", lost " + joined(answer.lost);
  return std::to_string(answer.request) + ": " + outcome + lost;
}

}  // namespace troupe::scheduler
