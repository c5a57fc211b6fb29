#include "scheduler/store/record_codec.h"

#include "runtime/base/crc32c.h"
#include "scheduler/store/record_fields.h"

namespace troupe::scheduler {

namespace {

constexpr char record_version = 3;
constexpr char version_without_word = 1;
constexpr std::size_t checksum_bytes = 4;

std::uint32_t checksum(RecordPlace place, std::string_view body) {
  std::uint32_t sum = crc32c(place.key);
  sum = crc32c(" ", sum);
  sum = crc32c(place.field, sum);
  sum = crc32c(" ", sum);
  return crc32c(body, sum);
}

std::string little_endian(std::uint32_t value) {
  std::string bytes(checksum_bytes, '\0');
  for (std::size_t i = 0; i < checksum_bytes; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
  return bytes;
}

/// What redis-cli shall show of the record: names stand in its fields as they are, a state would be a number.
std::string_view word_of(const TaskProgress& progress) { return to_text(progress.state); }
template <class T>
std::string_view word_of(const T&) {
  return {};
}

}  // namespace

Error damaged_record(RecordPlace place, const std::string& what) {
  return {Fault::corrupt, "store record " + to_text(place) + " is damaged: " + what +
                              "; restore the store's folder from a copy, or start with an empty one"};
}

std::string to_text(RecordPlace place) { return std::string(place.key) + ' ' + std::string(place.field); }

template <class T>
std::string encode_record(RecordPlace place, const T& value) {
  const std::string_view word = word_of(value);
  std::string body(1, record_version);
  body += static_cast<char>(word.size());
  body += word;
  body += encode(value);
  body += little_endian(checksum(place, body));
  return body;
}

template <class T>
Result<T> decode_record(RecordPlace place, std::string_view bytes) {
  if (bytes.size() <= 1 + checksum_bytes) {
    return damaged_record(place, "found " + std::to_string(bytes.size()) + " bytes, expected at least " +
                                     std::to_string(1 + checksum_bytes + 1));
  }
  const std::string_view body = bytes.substr(0, bytes.size() - checksum_bytes);
  if (bytes.substr(body.size()) != little_endian(checksum(place, body))) {
    return damaged_record(place, "its checksum does not match its bytes and its place");
  }
  if (body[0] < version_without_word || body[0] > record_version) {
    return Error{Fault::unsupported, "store record " + to_text(place) + " has version " +
                                         std::to_string(static_cast<unsigned char>(body[0])) +
                                         ", this program reads version " + std::to_string(record_version) +
                                         ": use the newer troupe that wrote it"};
  }
  // The record was written by us and is as long as it says: its own length is the only limit.
  const DecodeLimits limits{.array_length = static_cast<std::uint32_t>(std::min<std::size_t>(body.size(), ~0u)),
                            .string_bytes = body.size()};
  const std::size_t word = body[0] == version_without_word ? 0 : 1 + static_cast<unsigned char>(body[1]);
  if (1 + word >= body.size()) return damaged_record(place, "its word is longer than it is");
  Result<T> value = decode<T>(body.substr(1 + word), limits);
  if (!value) return damaged_record(place, value.error().message);
  return value;
}

template std::string encode_record(RecordPlace, const JobInfo&);
template std::string encode_record(RecordPlace, const TaskSpec&);
template std::string encode_record(RecordPlace, const TaskProgress&);
template std::string encode_record(RecordPlace, const GraphSummary&);
template std::string encode_record(RecordPlace, const CachedResult&);
template std::string encode_record(RecordPlace, const NodeId&);
template Result<JobInfo> decode_record(RecordPlace, std::string_view);
template Result<TaskSpec> decode_record(RecordPlace, std::string_view);
template Result<TaskProgress> decode_record(RecordPlace, std::string_view);
template Result<GraphSummary> decode_record(RecordPlace, std::string_view);
template std::string encode_record(RecordPlace, const sync::QueueOptions&);
template std::string encode_record(RecordPlace, const StoredMessage&);
template Result<sync::QueueOptions> decode_record(RecordPlace, std::string_view);
template Result<StoredMessage> decode_record(RecordPlace, std::string_view);
template Result<CachedResult> decode_record(RecordPlace, std::string_view);
template Result<NodeId> decode_record(RecordPlace, std::string_view);

}  // namespace troupe::scheduler
