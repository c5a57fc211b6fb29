// The one door to msgpack: bytes of single values, written by `Encoder` and read by `Decoder`. Structs are laid on top
// in fields.h.
//
// The decoder is total. It never throws, never reads past the end, never allocates by what the bytes merely announce,
// and after its first fault every further read gives a default. It is a reader of our own over the same format, because
// the library can only push what it finds, or build a tree of it: both allocate before anyone asked for the value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/result.h"

namespace troupe {

/// Appends values to a growing string.
class Encoder {
 public:
  void nil();
  void boolean(bool value);
  void number(std::int64_t value);
  void number(std::uint64_t value);
  void real(double value);
  void text(std::string_view value);    ///< A msgpack str. Requires: less than 4 GiB; so for `bytes`.
  void bytes(std::string_view value);   ///< A msgpack bin.
  void bytes_head(std::size_t length);  ///< Of a msgpack bin; so many bytes must follow.
  void array(std::size_t length);       ///< The header; `length` values must follow. Requires: less than 2^32.

  const std::string& written() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

/// What a decoder refuses before it looks any further. The bytes that are left bound every length as well.
struct DecodeLimits {
  std::uint32_t depth = 32;
  std::uint32_t array_length = 65'536;
  std::uint64_t string_bytes = 1u << 20;
};

/// Reads values from bytes that it does not own and that must outlive it.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes, DecodeLimits limits = {}) : bytes_(bytes), limits_(limits) {}

  /// Takes a nil if one is next; otherwise moves nothing and says false.
  bool take_nil();
  bool boolean();
  std::int64_t signed_number();
  std::uint64_t unsigned_number();
  double real();
  std::string_view text();  ///< Points into the bytes; so for `bytes`.
  std::string_view bytes();

  /// Goes into an array and tells its length, 0 after a fault. Each element is then read or skipped, and each
  /// `enter_array` is answered by one `leave_array`, also after a fault.
  std::uint32_t enter_array();
  void leave_array();

  /// Passes over one value of any kind.
  void skip();

  /// Stops here with a fault of the caller's finding, as in `found 9, expected at most 6`.
  void fail(std::string_view found, std::string_view expected);

  /// Puts `place` before what the fault says; without a fault nothing happens.
  void add_place(std::string_view place);

  bool ok() const { return !fault_.has_value(); }
  bool at_end() const { return position_ == bytes_.size(); }
  std::size_t position() const { return position_; }

  /// `byte 17: found a string, expected a number`. Requires: !ok().
  Error fault() const;

 private:
  struct Head;
  Head read_head();
  std::size_t left() const { return bytes_.size() - position_; }
  std::uint64_t big_endian(std::size_t width);
  std::string_view payload(std::uint64_t length, const char* what);
  void wrong_kind(const Head& head, const char* expected);

  std::string_view bytes_;
  DecodeLimits limits_;
  std::size_t position_ = 0;
  std::size_t value_at_ = 0;  // where the value being read begins
  std::uint32_t depth_ = 0;
  std::optional<std::string> fault_;
};

}  // namespace troupe
