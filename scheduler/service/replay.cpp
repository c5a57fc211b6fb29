#include "scheduler/service/replay.h"

#include <utility>

namespace troupe::scheduler {

bool is_as_recorded(const LoggedEvent& event, const Effects& effects) {
  return !event.recorded || *event.recorded == summary_of(effects);
}

Result<Replay> Replay::open(std::istream& in) {
  auto reader = EventLogReader::open(in);
  if (!reader) return reader.error();
  auto first = reader->next();
  if (!first) return first.error();
  if (!*first) return reader->damage("found the end, expected what the scheduler went on from");
  auto* opened = std::get_if<CoreOpened>(&**first);
  if (opened == nullptr) {
    if (const auto* stopped = std::get_if<RecordingStopped>(&**first))
      return Error{Fault::corrupt, "nothing was recorded: " + stopped->why};
    return reader->damage("found another record, expected what the scheduler went on from");
  }
  return Replay(*reader, std::move(*opened));
}

Result<std::optional<LogRecord>> Replay::read() {
  auto record = reader_.next();
  if (!record) return record;
  if (!*record && reader_.was_cut())
    end_ = "it was cut at byte " + std::to_string(reader_.position()) + ", within a record";
  if (*record)
    if (const auto* stopped = std::get_if<RecordingStopped>(&**record))
      end_ = "the recording ended there: " + stopped->why;
  return record;
}

Result<std::optional<LoggedEvent>> Replay::next() {
  using Next = std::optional<LoggedEvent>;
  auto record = read();
  if (!record) return record.error();
  if (!*record || std::holds_alternative<RecordingStopped>(**record)) return Next{};
  auto* taken = std::get_if<EventTaken>(&**record);
  if (taken == nullptr) return reader_.damage("found another record, expected an event");
  LoggedEvent logged{++events_, taken->at, std::move(taken->event), std::nullopt};
  record = read();
  if (!record) return record.error();
  if (!*record || std::holds_alternative<RecordingStopped>(**record)) return Next(std::move(logged));
  const auto* given = std::get_if<EffectsGiven>(&**record);
  if (given == nullptr) return reader_.damage("found another record, expected the effects of an event");
  logged.recorded = *given;
  return Next(std::move(logged));
}

}  // namespace troupe::scheduler
