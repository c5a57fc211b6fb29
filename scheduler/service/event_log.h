// A recording of a scheduler's core: what it went on from, then each event with its time, and a checksum of the effects
// that it had. The same core, given the same, has the same effects: `replay.h` looks whether it has.
//
//   troupe event log 1\n
//   then records: length u32 · crc32c(body) u32 · crc32c(the 8 bytes before) u32 · body, all little endian
//
// The checksum of a body goes on from that of the body before, so that a record which is missing, or comes twice, is
// found. A log that ends within a record was cut there, as the end of the process or of the disk does it; anything else
// that is wrong is damage.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <variant>

#include "runtime/base/result.h"
#include "scheduler/core/scheduler.h"

namespace troupe::scheduler {

/// The first record.
struct CoreOpened {
  Settings settings;
  StoredState stored;
  Time at{};
};
struct EventTaken {
  Time at{};
  Event event;
};
/// Of the event before. There is none where the process ended in that event.
struct EffectsGiven {
  std::uint64_t effects = 0;
  std::uint32_t checksum = 0;
  friend bool operator==(const EffectsGiven&, const EffectsGiven&) = default;
};
/// The recording ended before the scheduler did. The last record.
struct RecordingStopped {
  std::string why;
};
using LogRecord = std::variant<CoreOpened, EventTaken, EffectsGiven, RecordingStopped>;

EffectsGiven summary_of(const Effects& effects);

/// Bodies of records.
std::string encode_opened(const Settings& settings, const StoredState& stored, Time at);
std::string encode_taken(Time at, const Event& event);
std::string encode_given(const EffectsGiven& effects);
std::string encode_stopped(const std::string& why);

/// Makes bodies, in the order of their records, the bytes of a log.
class EventLogFramer {
 public:
  static std::string beginning();
  /// Requires: the body has less than 4 GiB.
  std::string frame(const std::string& body);

 private:
  std::uint32_t before_ = 0;
};

/// Reads them back. What it reads from must outlive it.
class EventLogReader {
 public:
  /// Fails with: corrupt (no event log), unsupported (of another version).
  static Result<EventLogReader> open(std::istream& in);

  /// Nothing, however often it is asked: the end, or where it was cut.
  ///
  /// Fails with: corrupt (the place, what was found and what was expected).
  Result<std::optional<LogRecord>> next();

  /// Whether the log ends within a record; meaningful once next() gave nothing.
  bool was_cut() const { return was_cut_; }
  std::uint64_t position() const { return position_; }  ///< Bytes that were read as whole records.
  /// `what` is wrong with the record that was read last, or could not be.
  Error damage(const std::string& what) const;

 private:
  EventLogReader(std::istream& in, std::uint64_t bytes, std::uint64_t position)
      : in_(in), bytes_(bytes), start_(position), position_(position) {}

  std::istream& in_;
  std::uint64_t bytes_;
  std::uint64_t start_;  // of the record that was read last
  std::uint64_t position_;
  std::uint64_t record_ = 0;
  std::uint32_t before_ = 0;
  bool was_cut_ = false;
};

}  // namespace troupe::scheduler
