#include "tools/cli/commands/replay.h"

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <optional>

#include <nlohmann/json.hpp>

#include "scheduler/core/describe.h"
#include "scheduler/service/replay.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/json_line.h"
#include "tools/cli/output.h"

namespace troupe::cli {
namespace {

using scheduler::Effects;
using scheduler::LoggedEvent;
using Json = nlohmann::ordered_json;

/// Runs a log through the core and tells what came of it.
class Run {
 public:
  Run(const ReplayCommand& command, scheduler::Replay replay) : command_(command), replay_(std::move(replay)) {}

  /// Fails with: corrupt.
  Result<void> to_end() {
    for (;;) {
      auto event = replay_.next();
      if (!event) return event.error();
      if (!*event) return {};
      take(**event);
    }
  }

  void tell_sum() const {
    if (command_.json) {
      std::printf("%s\n", json_line({{"events", events_},
                                     {"effects", effects_},
                                     {"differences", differences_},
                                     {"first_difference", first_ == 0 ? Json() : Json(first_)},
                                     {"ends_early", replay_.end().empty() ? Json() : Json(replay_.end())}})
                              .c_str());
    } else {
      std::printf("%" PRIu64 " events, %" PRIu64 " effects, %" PRIu64 " differences\n", events_, effects_,
                  differences_);
    }
    if (!replay_.end().empty()) complain("replay", command_.file + ": " + replay_.end());
  }

  std::uint64_t events() const { return events_; }
  std::uint64_t differences() const { return differences_; }

 private:
  void take(const LoggedEvent& event) {
    // The core may end this process as it ended that one: its event is told first.
    if (!event.recorded)
      complain("replay", "event " + std::to_string(event.number) + ", " + describe(event.event) +
                             ": its effects were not recorded, the scheduler's process may have ended in it");
    const Effects effects = replay_.run(event);
    ++events_;
    effects_ += effects.size();
    const bool differs = !is_as_recorded(event, effects);
    differences_ += differs ? 1 : 0;
    const bool is_first = differs && first_ == 0;
    if (is_first) first_ = event.number;
    if (!command_.print && !is_first) return;
    command_.json ? print_json(event, effects, differs) : print_text(event, effects, differs);
    std::fflush(stdout);
  }

  static void print_text(const LoggedEvent& event, const Effects& effects, bool differs) {
    std::printf("%s%" PRIu64 " %s %s\n", differs ? "differs: event " : "", event.number,
                rfc3339(event.at.count()).c_str(), describe(event.event).c_str());
    if (differs)
      std::printf("  %" PRIu64 " effects were recorded, of checksum %08x; now there are %zu, of %08x:\n",
                  event.recorded->effects, event.recorded->checksum, effects.size(), summary_of(effects).checksum);
    for (const auto& effect : effects) std::printf("    %s\n", describe(effect).c_str());
  }

  static void print_json(const LoggedEvent& event, const Effects& effects, bool differs) {
    Json texts = Json::array();
    for (const auto& effect : effects) texts.push_back(describe(effect));
    std::printf("%s\n", json_line({{"event", event.number},
                                   {"at", rfc3339(event.at.count())},
                                   {"what", describe(event.event)},
                                   {"effects", std::move(texts)},
                                   {"differs", differs}})
                            .c_str());
  }

  const ReplayCommand& command_;
  scheduler::Replay replay_;
  std::uint64_t events_ = 0;
  std::uint64_t effects_ = 0;
  std::uint64_t differences_ = 0;
  std::uint64_t first_ = 0;
};

}  // namespace

int replay_command(const ReplayCommand& command) {
  const auto refuse = [&](const std::string& what) {
    complain("replay", command.file + ": " + what);
    return exit_bad_input;
  };
  std::ifstream file(command.file, std::ios::binary);
  if (!file || file.peek() == std::ifstream::traits_type::eof())
    return refuse("found nothing to read, expected an event log, as 'troupe start --record FILE' writes it");
  auto replay = scheduler::Replay::open(file);
  if (!replay) return refuse(replay.error().message);
  Run run(command, std::move(*replay));
  if (const auto ended = run.to_end(); !ended)
    return refuse(ended.error().message + " (before it: " + std::to_string(run.events()) + " events, " +
                  std::to_string(run.differences()) + " differences)");
  run.tell_sum();
  return run.differences() == 0 ? exit_done : exit_work_failed;
}

}  // namespace troupe::cli
