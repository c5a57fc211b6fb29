// Runs an event log through the core once more. Pure but for the stream that it reads.
//
//   auto replay = Replay::open(in);
//   while (auto event = replay->next(); *event) differs = differs || !is_as_recorded(**event, replay->run(**event));
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

#include "scheduler/service/event_log.h"

namespace troupe::scheduler {

struct LoggedEvent {
  std::uint64_t number = 0;  ///< From 1.
  Time at{};
  Event event;
  std::optional<EffectsGiven> recorded;  ///< None: the log ends in this event.
};

/// An event whose effects were not recorded has any.
bool is_as_recorded(const LoggedEvent& event, const Effects& effects);

class Replay {
 public:
  /// Fails with: corrupt (no event log, or damaged: where), unsupported (of another version).
  static Result<Replay> open(std::istream& in);

  /// Nothing: the end. Fails with: corrupt (where, what was found and what was expected).
  Result<std::optional<LoggedEvent>> next();
  /// What the core does about it now. Requires: each event that next() gave, once and in order.
  Effects run(const LoggedEvent& event) { return scheduler_.step(event.at, event.event); }

  /// Why the log ends before the scheduler did; empty: it does not. Meaningful once next() gave nothing.
  const std::string& end() const { return end_; }

 private:
  Replay(EventLogReader reader, CoreOpened&& opened)
      : reader_(reader), scheduler_(opened.settings, std::move(opened.stored), opened.at) {}
  Result<std::optional<LogRecord>> read();

  EventLogReader reader_;
  Scheduler scheduler_;
  std::uint64_t events_ = 0;
  std::string end_;
};

}  // namespace troupe::scheduler
