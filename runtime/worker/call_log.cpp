#include "runtime/worker/call_log.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "runtime/api/value.h"
#include "runtime/base/crc32c.h"
#include "runtime/base/sha256.h"
#include "runtime/wire/fields.h"

namespace troupe {

template <class Archive>
void fields(Archive& archive, LoggedCall& value) {
  archive("logged call", value.caller, value.number, as_bytes(value.method), as_bytes(value.arguments),
          as_bytes(value.refusal), value.open);
}
template <class Archive>
void fields(Archive& archive, KeptAnswer& value) {
  archive("answer", value.ok, as_bytes(value.bytes));
}
template <class Archive>
void fields(Archive& archive, KeptCaller& value) {
  archive("caller", value.caller, value.last, value.turn, value.answers);
}
template <class Archive>
void fields(Archive& archive, Checkpoint& value) {
  archive("checkpoint", as_bytes(value.state), value.callers);
}

namespace {

constexpr std::uint32_t batch_magic = 0x31424c54;  // "TLB1"
constexpr std::size_t head_size = 24;
constexpr std::size_t digest_size = 32;
constexpr std::string_view checkpoint_line = "troupe checkpoint 1\n";

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
T number_at(std::string_view bytes, std::size_t place) {
  T value;
  std::memcpy(&value, bytes.data() + place, sizeof value);
  return value;
}

struct Head {
  std::uint32_t length = 0;
  std::uint64_t place = 0;
  std::uint32_t sum = 0;
};

std::optional<Head> head_at(std::string_view bytes, std::size_t at) {
  if (bytes.size() - at < head_size || number_at<std::uint32_t>(bytes, at) != batch_magic) return std::nullopt;
  if (number_at<std::uint32_t>(bytes, at + 20) != crc32c(bytes.substr(at, 20))) return std::nullopt;
  return Head{number_at<std::uint32_t>(bytes, at + 4), number_at<std::uint64_t>(bytes, at + 8),
              number_at<std::uint32_t>(bytes, at + 16)};
}

bool has_later_batch(std::string_view bytes, std::size_t from, std::uint64_t place) {
  std::string magic;
  put(magic, batch_magic);
  for (auto at = bytes.find(magic, from); at != std::string_view::npos; at = bytes.find(magic, at + 1))
    if (const auto head = head_at(bytes, at); head && head->place > place) return true;
  return false;
}

Error damage(std::size_t at, const std::string& what) {
  return {Fault::corrupt, "byte " + std::to_string(at) + ": " + what};
}

std::string name_of(const char* kind, Generation generation) {
  const std::uint32_t parts[] = {generation.attempt.epoch, generation.attempt.number, generation.number};
  std::string name = kind;
  for (const std::uint32_t& part : parts) name += (&part == parts ? '-' : '.') + to_text(std::uint64_t{part}).substr(8);
  return name;
}

std::optional<Generation> generation_from(std::string_view name, std::string_view kind) {
  if (!name.starts_with(kind) || name.size() != kind.size() + 27) return std::nullopt;
  std::array<std::uint32_t, 3> parts{};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t at = kind.size() + 9 * i;
    const auto part = hex_from(std::string(8, '0').append(name.substr(at + 1, 8)));
    if (name[at] != (i == 0 ? '-' : '.') || !part) return std::nullopt;
    parts[i] = static_cast<std::uint32_t>(*part);
  }
  return Generation{{parts[0], parts[1]}, parts[2]};
}

}  // namespace

std::string encode_batch(std::uint64_t place, const std::vector<LoggedCall>& calls) {
  const std::string body = encode(calls);
  TROUPE_CHECK(body.size() <= 0xffff'ffff, "a batch is bounded");
  std::string bytes;
  put(bytes, batch_magic);
  put(bytes, static_cast<std::uint32_t>(body.size()));
  put(bytes, place);
  put(bytes, crc32c(body));
  put(bytes, crc32c(bytes));
  return bytes += body;
}

Result<std::vector<LoggedCall>> decode_log(std::string_view bytes, LogEnd end) {
  std::vector<LoggedCall> calls;
  std::uint64_t place = 0;
  for (std::size_t at = 0; at < bytes.size(); ++place) {
    const auto head = head_at(bytes, at);
    const bool is_there = head && head->place == place && head->length <= bytes.size() - at - head_size;
    const std::string_view body = is_there ? bytes.substr(at + head_size, head->length) : std::string_view();
    if (!is_there || crc32c(body) != head->sum) {
      const bool is_last = !has_later_batch(bytes, at + 1, place);
      if (is_last && end == LogEnd::may_be_cut) return calls;
      return damage(at, "found bytes that were changed or cut off, expected batch " + std::to_string(place));
    }
    auto batch = decode<std::vector<LoggedCall>>(body, value_limits);
    if (!batch) return damage(at + head_size, batch.error().message);
    std::move(batch->begin(), batch->end(), std::back_inserter(calls));
    at += head_size + head->length;
  }
  return calls;
}

std::string encode_checkpoint(const Checkpoint& checkpoint) {
  const std::string body = encode(checkpoint);
  Sha256 digest;
  digest.add(body);
  return std::string(checkpoint_line) + digest.digest() + body;
}

Result<Checkpoint> decode_checkpoint(std::string_view bytes) {
  if (!bytes.starts_with(checkpoint_line)) return damage(0, "found no checkpoint of this version, expected one");
  bytes.remove_prefix(checkpoint_line.size());
  if (bytes.size() < digest_size) return damage(checkpoint_line.size(), "found the end, expected a digest");
  const std::string_view body = bytes.substr(digest_size);
  Sha256 digest;
  digest.add(body);
  if (digest.digest() != bytes.substr(0, digest_size))
    return damage(checkpoint_line.size(), "found bytes that were changed or cut off, expected those of the digest");
  return decode<Checkpoint>(body, value_limits);
}

std::string checkpoint_name(Generation generation) { return name_of("checkpoint", generation); }
std::string log_name(Generation generation) { return name_of("log", generation); }

FoundFiles files_from(const std::vector<std::string>& names) {
  FoundFiles found;
  for (const auto& name : names) {
    if (const auto checkpoint = generation_from(name, "checkpoint")) found.checkpoints.push_back(*checkpoint);
    if (const auto log = generation_from(name, "log")) found.logs.push_back(*log);
  }
  std::sort(found.checkpoints.begin(), found.checkpoints.end());
  std::sort(found.logs.begin(), found.logs.end());
  return found;
}

}  // namespace troupe
