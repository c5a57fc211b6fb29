#include "scheduler/service/event_log.h"

#include <algorithm>
#include <istream>
#include <string_view>

#include "runtime/base/crc32c.h"
#include "scheduler/service/event_fields.h"

namespace troupe::scheduler {
namespace {

constexpr std::string_view magic = "troupe event log ";
constexpr std::string_view version = "2\n";
constexpr std::size_t head_bytes = 12;

std::string little_endian(std::uint32_t value) {
  std::string bytes(4, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(value >> (8 * i));
  return bytes;
}

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

/// Lies in bytes as a LogRecord that holds `T`, without a copy of what `put` puts.
template <class T, class Put>
std::string body_of(Put put) {
  Encoder encoder;
  encoder.array(2);
  encoder.number(std::uint64_t{LogRecord(T{}).index()});
  FieldWriter archive(encoder);
  put(archive);
  return encoder.take();
}

/// An event among other fields.
template <class E>
struct EventField {
  E& event;
};
void fields(FieldWriter& archive, EventField<const Event>& value) { write(archive, value.event); }
void fields(FieldReader& archive, EventField<Event>& value) { read(archive, value.event); }

template <class Archive, class S, class State>
void opened_fields(Archive& archive, S& settings, State& stored, Time& at) {
  archive("core opened", settings, stored, at);
}
template <class Archive, class E>
void taken_fields(Archive& archive, Time& at, E& event) {
  EventField<E> field{event};
  archive("event taken", at, field);
}

}  // namespace

template <class Archive>
void fields(Archive& archive, CoreOpened& value) {
  opened_fields(archive, value.settings, value.stored, value.at);
}
template <class Archive>
void fields(Archive& archive, EventTaken& value) {
  taken_fields(archive, value.at, value.event);
}
template <class Archive>
void fields(Archive& archive, EffectsGiven& value) {
  archive("effects given", value.effects, value.checksum);
}
template <class Archive>
void fields(Archive& archive, RecordingStopped& value) {
  archive("recording stopped", value.why);
}

EffectsGiven summary_of(const Effects& effects) {
  Encoder encoder;
  FieldWriter archive(encoder);
  write(archive, effects);
  return {effects.size(), crc32c(encoder.written())};
}

// --- writing ---------------------------------------------------------------------------------------------------------

std::string encode_opened(const Settings& settings, const StoredState& stored, Time at) {
  return body_of<CoreOpened>([&](FieldWriter& archive) { opened_fields(archive, settings, stored, at); });
}

std::string encode_taken(Time at, const Event& event) {
  return body_of<EventTaken>([&](FieldWriter& archive) { taken_fields(archive, at, event); });
}

std::string encode_given(const EffectsGiven& effects) {
  return body_of<EffectsGiven>([&](FieldWriter& archive) { archive.put(effects); });
}

std::string encode_stopped(const std::string& why) {
  return body_of<RecordingStopped>([&](FieldWriter& archive) { archive.put(RecordingStopped{why}); });
}

std::string EventLogFramer::beginning() { return std::string(magic) + std::string(version); }

std::string EventLogFramer::frame(const std::string& body) {
  before_ = crc32c(body, before_);
  std::string head = little_endian(static_cast<std::uint32_t>(body.size())) + little_endian(before_);
  head += little_endian(crc32c(head));
  return head + body;
}

// --- reading ---------------------------------------------------------------------------------------------------------

Result<EventLogReader> EventLogReader::open(std::istream& in) {
  in.seekg(0, std::ios::end);
  const auto bytes = static_cast<std::uint64_t>(std::max<std::streamoff>(in.tellg(), 0));
  in.seekg(0);
  std::string found(magic.size() + version.size(), '\0');
  in.read(found.data(), static_cast<std::streamsize>(found.size()));
  found.resize(static_cast<std::size_t>(in.gcount()));
  in.clear();
  if (!found.starts_with(magic))
    return Error{Fault::corrupt, "byte 0: found no '" + std::string(magic) +
                                     "2', expected an event log, as 'troupe start --record FILE' writes it"};
  if (found.substr(magic.size()) != version)
    return Error{Fault::unsupported, "byte " + std::to_string(magic.size()) + ": found version '" +
                                         found.substr(magic.size(), 1) + "', expected 2: use the troupe that wrote it"};
  return EventLogReader(in, bytes, found.size());
}

Error EventLogReader::damage(const std::string& what) const {
  return {Fault::corrupt, "byte " + std::to_string(start_) + ", record " + std::to_string(record_) + ": " + what +
                              ": the file was changed after it was written, take another copy of it"};
}

Result<std::optional<LogRecord>> EventLogReader::next() {
  using Next = std::optional<LogRecord>;
  if (was_cut_) return Next{};
  const std::uint64_t left = bytes_ - position_;
  start_ = position_;
  ++record_;
  was_cut_ = left > 0 && left < head_bytes;
  if (left < head_bytes) return Next{};
  std::string head(head_bytes, '\0');
  in_.read(head.data(), static_cast<std::streamsize>(head.size()));
  const std::uint32_t length = number_at(head, 0);
  if (!in_) return damage("found nothing to read, expected " + std::to_string(left) + " bytes");
  if (number_at(head, 8) != crc32c(head.substr(0, 8)))
    return damage("found a head that its checksum does not fit, expected one that it fits");
  was_cut_ = left - head_bytes < length;
  if (was_cut_) return Next{};
  std::string body(length, '\0');
  in_.read(body.data(), static_cast<std::streamsize>(length));
  if (!in_) return damage("found nothing to read, expected " + std::to_string(length) + " bytes");
  before_ = crc32c(body, before_);
  if (number_at(head, 4) != before_)
    return damage("found the checksum " + to_text(std::uint64_t{before_}).substr(8) + ", expected " +
                  to_text(std::uint64_t{number_at(head, 4)}).substr(8));
  // It was written by us and is as long as it says: its own length is the only limit.
  auto record = decode<LogRecord>(body, {.array_length = length, .string_bytes = length});
  if (!record) return damage(record.error().message);
  position_ += head_bytes + length;
  return Next(std::move(*record));
}

}  // namespace troupe::scheduler
