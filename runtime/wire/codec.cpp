#include "runtime/wire/codec.h"

#include <bit>
#include <limits>
#include <stdexcept>
#include <string>

#include <msgpack.hpp>

#include "runtime/base/check.h"

namespace troupe {

namespace {

struct StringSink {
  std::string& out;
  void write(const char* data, std::size_t size) { out.append(data, size); }
};

msgpack::packer<StringSink> packer(StringSink& sink) { return msgpack::packer<StringSink>(sink); }

std::uint32_t length_32(std::size_t length) {
  if (length > std::numeric_limits<std::uint32_t>::max())
    throw std::length_error("a part of a value has a length of " + std::to_string(length) +
                            ", at most 2^32 - 1 is possible: split it");
  return static_cast<std::uint32_t>(length);
}

}  // namespace

void Encoder::nil() {
  StringSink sink{out_};
  packer(sink).pack_nil();
}

void Encoder::boolean(bool value) {
  StringSink sink{out_};
  value ? packer(sink).pack_true() : packer(sink).pack_false();
}

void Encoder::number(std::int64_t value) {
  StringSink sink{out_};
  packer(sink).pack_int64(value);
}

void Encoder::number(std::uint64_t value) {
  StringSink sink{out_};
  packer(sink).pack_uint64(value);
}

void Encoder::real(double value) {
  // The library packs a whole number as an integer, and so loses the sign of -0.0.
  const auto bits = std::bit_cast<std::uint64_t>(value);
  out_.push_back(static_cast<char>(0xcb));
  for (int shift = 56; shift >= 0; shift -= 8) out_.push_back(static_cast<char>(bits >> shift));
}

void Encoder::text(std::string_view value) {
  StringSink sink{out_};
  packer(sink).pack_str(length_32(value.size()));
  out_.append(value);
}

void Encoder::bytes(std::string_view value) {
  bytes_head(value.size());
  out_.append(value);
}

void Encoder::bytes_head(std::size_t length) {
  StringSink sink{out_};
  packer(sink).pack_bin(length_32(length));
}

void Encoder::array(std::size_t length) {
  StringSink sink{out_};
  packer(sink).pack_array(length_32(length));
}

// --- reading
// -----------------------------------------------------------------------------------------------------------

enum class Kind { nil, boolean, negative, number, real, text, bytes, array, map, extension, nothing };

/// The first bytes of a value. `number` is a value, or a length for what has one.
struct Decoder::Head {
  Kind kind = Kind::nothing;
  std::uint64_t number = 0;
};

namespace {

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::nil: return "nil";
    case Kind::boolean: return "a boolean";
    case Kind::negative: return "a negative number";
    case Kind::number: return "a number";
    case Kind::real: return "a real number";
    case Kind::text: return "a text";
    case Kind::bytes: return "bytes";
    case Kind::array: return "an array";
    case Kind::map: return "a map";
    case Kind::extension: return "an extension";
    case Kind::nothing: return "no value";
  }
  return "no value";
}

}  // namespace

std::uint64_t Decoder::big_endian(std::size_t width) {
  if (left() < width) {
    fail("the end of the bytes", std::to_string(width) + " more bytes");
    return 0;
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) value = value << 8 | static_cast<unsigned char>(bytes_[position_++]);
  return value;
}

Decoder::Head Decoder::read_head() {
  if (!ok()) return {};
  value_at_ = position_;
  const auto first = static_cast<std::uint8_t>(big_endian(1));
  if (!ok()) return {};
  if (first <= 0x7f) return {Kind::number, first};
  if (first <= 0x8f) return {Kind::map, first & 0x0fu};
  if (first <= 0x9f) return {Kind::array, first & 0x0fu};
  if (first <= 0xbf) return {Kind::text, first & 0x1fu};
  if (first >= 0xe0) return {Kind::negative, static_cast<std::uint64_t>(static_cast<std::int8_t>(first))};

  const auto sized = [this](Kind kind, unsigned power) { return Head{kind, big_endian(std::size_t{1} << power)}; };
  switch (first) {
    case 0xc0: return {Kind::nil, 0};
    case 0xc2: return {Kind::boolean, 0};
    case 0xc3: return {Kind::boolean, 1};
    case 0xc4:
    case 0xc5:
    case 0xc6: return sized(Kind::bytes, first - 0xc4u);
    case 0xc7:
    case 0xc8:
    case 0xc9: {
      Head head = sized(Kind::extension, first - 0xc7u);
      ++head.number;  // the byte that tells which extension
      return head;
    }
    case 0xca: {
      const auto bits = static_cast<std::uint32_t>(big_endian(4));
      return {Kind::real, std::bit_cast<std::uint64_t>(static_cast<double>(std::bit_cast<float>(bits)))};
    }
    case 0xcb: return sized(Kind::real, 3);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf: return sized(Kind::number, first - 0xccu);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3: {
      const unsigned width = 1u << (first - 0xd0u);
      std::uint64_t value = big_endian(width);
      if (width < 8 && value >> (width * 8 - 1) != 0) value |= ~std::uint64_t{0} << (width * 8);
      return {value >> 63 != 0 ? Kind::negative : Kind::number, value};
    }
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8: return {Kind::extension, (1u << (first - 0xd4u)) + 1u};
    case 0xd9:
    case 0xda:
    case 0xdb: return sized(Kind::text, first - 0xd9u);
    case 0xdc:
    case 0xdd: return sized(Kind::array, first - 0xdcu + 1);
    case 0xde:
    case 0xdf: return sized(Kind::map, first - 0xdeu + 1);
    default: fail("a byte that begins no value", "a value"); return {};
  }
}

void Decoder::wrong_kind(const Head& head, const char* expected) {
  if (ok()) fail(name_of(head.kind), expected);
}

bool Decoder::take_nil() {
  if (!ok() || at_end() || static_cast<unsigned char>(bytes_[position_]) != 0xc0) return false;
  value_at_ = position_++;
  return true;
}

bool Decoder::boolean() {
  const Head head = read_head();
  if (ok() && head.kind == Kind::boolean) return head.number != 0;
  wrong_kind(head, "a boolean");
  return false;
}

std::int64_t Decoder::signed_number() {
  const Head head = read_head();
  const bool fits = head.kind == Kind::negative || (head.kind == Kind::number && head.number >> 63 == 0);
  if (ok() && fits) return static_cast<std::int64_t>(head.number);
  wrong_kind(head, head.kind == Kind::number ? "one below 2^63" : "a number");
  return 0;
}

std::uint64_t Decoder::unsigned_number() {
  const Head head = read_head();
  if (ok() && head.kind == Kind::number) return head.number;
  wrong_kind(head, "a number that is not negative");
  return 0;
}

double Decoder::real() {
  const Head head = read_head();
  if (ok() && head.kind == Kind::real) return std::bit_cast<double>(head.number);
  wrong_kind(head, "a real number");
  return 0;
}

std::string_view Decoder::payload(std::uint64_t length, const char* what) {
  if (length > limits_.string_bytes) {
    fail(std::string(what) + " of " + std::to_string(length) + " bytes",
         "at most " + std::to_string(limits_.string_bytes));
  } else if (length > left()) {
    fail(std::string(what) + " of " + std::to_string(length) + " bytes with " + std::to_string(left()) + " left",
         "all of it");
  }
  if (!ok()) return {};
  const std::string_view found = bytes_.substr(position_, length);
  position_ += length;
  return found;
}

std::string_view Decoder::text() {
  const Head head = read_head();
  if (ok() && head.kind == Kind::text) return payload(head.number, "a text");
  wrong_kind(head, "a text");
  return {};
}

std::string_view Decoder::bytes() {
  const Head head = read_head();
  if (ok() && head.kind == Kind::bytes) return payload(head.number, "bytes");
  wrong_kind(head, "bytes");
  return {};
}

std::uint32_t Decoder::enter_array() {
  const Head head = read_head();
  ++depth_;
  if (!ok()) return 0;
  if (head.kind != Kind::array) {
    wrong_kind(head, "an array");
  } else if (depth_ > limits_.depth) {
    fail("an array at depth " + std::to_string(depth_), "at most " + std::to_string(limits_.depth));
  } else if (head.number > limits_.array_length) {
    fail("an array of " + std::to_string(head.number), "at most " + std::to_string(limits_.array_length));
  } else if (head.number > left()) {  // an element takes a byte or more
    fail("an array of " + std::to_string(head.number) + " with " + std::to_string(left()) + " bytes left", "all of it");
  }
  return ok() ? static_cast<std::uint32_t>(head.number) : 0;
}

void Decoder::leave_array() {
  TROUPE_CHECK(depth_ > 0, "an array is left as often as it is entered");
  --depth_;
}

void Decoder::skip() {
  // How many values are still to pass on each level below this one; so nesting costs no stack.
  std::uint64_t open[64];
  const std::size_t room = std::min<std::size_t>(std::size(open), limits_.depth > depth_ ? limits_.depth - depth_ : 0);
  std::size_t level = 0;
  do {
    const Head head = read_head();
    if (!ok()) return;
    if (level > 0) --open[level - 1];
    if (head.kind == Kind::array || head.kind == Kind::map) {
      const std::uint64_t values = head.kind == Kind::map ? 2 * head.number : head.number;
      if (level == room) return fail("an array or map too deep", "at most depth " + std::to_string(limits_.depth));
      if (values > left()) return fail("an array or map longer than the bytes left", "all of it");
      open[level++] = values;
    } else if (head.kind == Kind::text || head.kind == Kind::bytes || head.kind == Kind::extension) {
      payload(head.number, name_of(head.kind));
      if (!ok()) return;
    }
    while (level > 0 && open[level - 1] == 0) --level;
  } while (level > 0);
}

void Decoder::fail(std::string_view found, std::string_view expected) {
  if (fault_) return;
  fault_ =
      "byte " + std::to_string(value_at_) + ": found " + std::string(found) + ", expected " + std::string(expected);
}

void Decoder::add_place(std::string_view place) {
  if (fault_) fault_ = std::string(place) + ", " + *fault_;
}

Error Decoder::fault() const {
  TROUPE_CHECK(fault_.has_value(), "a decoder without a fault has none to tell");
  return {Fault::corrupt, *fault_};
}

}  // namespace troupe
