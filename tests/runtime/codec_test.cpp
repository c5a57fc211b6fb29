#include "runtime/wire/codec.h"

#include <cmath>
#include <limits>
#include <string>

#include <catch2/catch.hpp>

#include "runtime/wire/base_fields.h"
#include "tests/support/dice.h"

namespace troupe {

using test::Dice;
using test::drawn;

namespace {

struct Shape {
  bool flag = false;
  double size = 0;
  std::array<std::uint16_t, 3> sides{};
  std::chrono::milliseconds age{0};
  std::optional<std::string> label;
  friend bool operator==(const Shape&, const Shape&) = default;
};
template <class Archive>
void fields(Archive& archive, Shape& value) {
  archive("shape", value.flag, value.size, value.sides, value.age, value.label);
}

/// What a newer version made of Shape.
struct NewerShape {
  Shape old;
  std::vector<std::pair<std::string, double>> extra;
  std::uint32_t colour = 7;
};
template <class Archive>
void fields(Archive& archive, NewerShape& value) {
  archive("newer shape", value.old.flag, value.old.size, value.old.sides, value.old.age, value.old.label,
          appended(value.extra), appended(value.colour));
}

struct Empty {
  friend bool operator==(const Empty&, const Empty&) = default;
};
template <class Archive>
void fields(Archive& archive, Empty&) {
  archive("empty");
}

std::string bytes_of(std::initializer_list<int> values) {
  std::string bytes;
  for (const int value : values) bytes.push_back(static_cast<char>(value));
  return bytes;
}

}  // namespace

TEMPLATE_TEST_CASE("every plain value is read back as it was written", "[codec]", ClusterId, TaskId, AttemptId,
                   std::vector<Error>, Resources, NodeCapacity, Grant, GangHint, TaskSpec, AttemptRecord, RunOrder,
                   RunningAttempt, AttemptReport, JobInfo, Work, std::vector<TaskSpec>) {
  Dice dice;
  INFO("TROUPE_SEED=" << dice.seed());
  for (int round = 0; round < 200; ++round) {
    const auto value = drawn<TestType>(dice);
    const std::string bytes = encode(value);
    const auto again = decode<TestType>(bytes);
    REQUIRE(again.has_value());
    REQUIRE(*again == value);
    REQUIRE(encode(*again) == bytes);
  }
}

TEST_CASE("limits of numbers, arrays, durations, optionals and empty structs pass", "[codec]") {
  const Shape shape{.flag = true,
                    .size = -0.1,
                    .sides = {0, 1, 65'535},
                    .age = std::chrono::milliseconds::min(),
                    .label = std::string("\0x", 2)};
  CHECK(*decode<Shape>(encode(shape)) == shape);
  CHECK(*decode<Shape>(encode(Shape{})) == Shape{});
  CHECK(*decode<Empty>(encode(Empty{})) == Empty{});
  for (const std::int64_t value :
       {std::numeric_limits<std::int64_t>::min(), std::int64_t{-2'147'483'649}, std::int64_t{-2'147'483'648},
        std::int64_t{-32'769}, std::int64_t{-32'768}, std::int64_t{-129}, std::int64_t{-128}, std::int64_t{-33},
        std::int64_t{-32}, std::int64_t{-1}, std::int64_t{0}, std::int64_t{127}, std::int64_t{128}, std::int64_t{255},
        std::int64_t{65'536}, std::numeric_limits<std::int64_t>::max()}) {
    CHECK(*decode<std::int64_t>(encode(value)) == value);
  }
  CHECK(*decode<std::uint64_t>(encode(~std::uint64_t{0})) == ~std::uint64_t{0});
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(*decode<double>(encode(infinity)) == infinity);
  CHECK(std::signbit(*decode<double>(encode(-0.0))));
  CHECK(std::isnan(*decode<double>(encode(std::nan("")))));
  CHECK(*decode<double>(bytes_of({0xca, 0x3f, 0x80, 0, 0})) == 1.0);
}

TEST_CASE("an older reader passes over the fields of a newer version", "[codec]") {
  const NewerShape newer{.old = {.size = 2}, .extra = {{"a", 1}, {"b", 2}}, .colour = 9};
  const auto older = decode<Shape>(encode(newer));
  REQUIRE(older.has_value());
  CHECK(*older == newer.old);
}

TEST_CASE("a newer reader leaves appended fields that are missing at their defaults", "[codec]") {
  const auto newer = decode<NewerShape>(encode(Shape{.size = 2}));
  REQUIRE(newer.has_value());
  CHECK(newer->old.size == 2);
  CHECK(newer->extra.empty());
  CHECK(newer->colour == 7);
}

TEST_CASE("a struct with too few fields is refused by name", "[codec]") {
  const auto refused = decode<Shape>(encode(TaskId{JobId{1}, 2}));
  REQUIRE(!refused);
  CHECK(refused.error().fault == Fault::corrupt);
  CHECK(refused.error().message == "shape, byte 0: found 2 fields, expected 5 or more");
}

TEST_CASE("a fault names the place, what was found and what was expected", "[codec]") {
  CHECK(decode<TaskId>(bytes_of({0x92, 0x07, 0xa1, 'x'})).error().message ==
        "task id field 2, byte 2: found a text, expected a number that is not negative");
  CHECK(decode<TaskId>(bytes_of({0x92, 0x07, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0})).error().message ==
        "task id field 2, byte 2: found 4294967296, expected at most 4294967295");
  CHECK(decode<AttemptReport>(bytes_of({0x95, 0x92, 1, 2, 0x92, 1, 1, 5, 0xc4, 0, 0x93, 0, 0, 0xc4, 0}))
            .error()
            .message == "attempt report field 3, byte 7: found 5, expected at most 4");
  CHECK(decode<Work>(bytes_of({0x92, 0x04, 0x90})).error().message == "byte 1: found 4, expected at most 3");
  CHECK(decode<std::int32_t>(encode(std::int64_t{1} << 31)).error().message ==
        "byte 0: found 2147483648, expected a number of 32 bits");
  CHECK(decode<std::string>(bytes_of({0xa1, 'x', 0x00})).error().message ==
        "byte 2: found a value behind the last one, expected the end");
  CHECK(decode<std::string>("").error().message == "byte 0: found the end of the bytes, expected 1 more bytes");
  CHECK(decode<std::string>(bytes_of({0xc1})).error().message ==
        "byte 0: found a byte that begins no value, expected a value");
}

TEST_CASE("after the first fault every read gives a default and the first fault stays", "[codec]") {
  Decoder decoder("\xa1x");
  CHECK(decoder.unsigned_number() == 0);
  const Error first = decoder.fault();
  CHECK(decoder.text().empty());
  CHECK(decoder.enter_array() == 0);
  decoder.leave_array();
  CHECK(decoder.real() == 0);
  CHECK(!decoder.take_nil());
  CHECK(!decoder.boolean());
  decoder.skip();
  CHECK(decoder.fault() == first);
}

TEST_CASE("bytes that end early are refused at every length", "[codec]") {
  Dice dice;
  INFO("TROUPE_SEED=" << dice.seed());
  for (int round = 0; round < 20; ++round) {
    const std::string bytes = encode(drawn<RunOrder>(dice));
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      // A copy of just that length, so that a sanitizer sees a read behind it.
      const std::string cut(bytes.data(), length);
      REQUIRE(!decode<RunOrder>(cut));
    }
  }
}

TEST_CASE("flipped bits are read as another value or refused", "[codec]") {
  Dice dice;
  INFO("TROUPE_SEED=" << dice.seed());
  for (int round = 0; round < 20; ++round) {
    const std::string bytes = encode(drawn<TaskSpec>(dice));
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      const auto again = decode<TaskSpec>(flipped);
      if (again) REQUIRE(*decode<TaskSpec>(encode(*again)) == *again);
    }
  }
}

TEST_CASE("any bytes at all are read or refused", "[codec]") {
  Dice dice;
  INFO("TROUPE_SEED=" << dice.seed());
  for (int round = 0; round < 20'000; ++round) {
    const std::string bytes = dice.string();
    (void)decode<RunOrder>(bytes);
    Decoder decoder(bytes);
    while (decoder.ok() && !decoder.at_end()) decoder.skip();
  }
}

TEST_CASE("five bytes that announce four gigabytes are refused", "[codec]") {
  for (const int first : {0xdd, 0xdf, 0xc6, 0xdb, 0xc9}) {
    const std::string bomb = bytes_of({first, 0xff, 0xff, 0xff, 0xff});
    const DecodeLimits none{.depth = 32, .array_length = ~0u, .string_bytes = ~0ull};
    CHECK(!decode<std::vector<std::string>>(bomb));
    CHECK(!decode<std::vector<std::string>>(bomb, none));
    CHECK(!decode<std::string>(bomb, none));
    Decoder decoder(bomb, none);
    decoder.skip();
    CHECK(!decoder.ok());
  }
}

TEST_CASE("lengths beyond the limits are refused though all the bytes are there", "[codec]") {
  const DecodeLimits small{.depth = 2, .array_length = 3, .string_bytes = 4};
  using Texts = std::vector<std::string>;
  CHECK(decode<Texts>(encode(Texts{"1", "2", "3"}), small));
  CHECK(decode<Texts>(encode(Texts{"1", "2", "3", "4"}), small).error().message ==
        "byte 0: found an array of 4, expected at most 3");
  CHECK(decode<std::vector<std::int32_t>>(encode(std::vector<std::int32_t>{1, 2}), small).error().message ==
        "byte 0: found bytes of 8 bytes, expected at most 4");
  CHECK(decode<std::string>(encode(std::string("four")), small));
  CHECK(decode<std::string>(encode(std::string("fives")), small).error().message ==
        "byte 0: found a text of 5 bytes, expected at most 4");
  using Nested = std::vector<std::vector<Texts>>;
  CHECK(decode<Nested>(encode(Nested{{{}}}), small).error().message ==
        "byte 2: found an array at depth 3, expected at most 2");
}

TEST_CASE("a value nested a million deep is refused, also where it is only passed over", "[codec]") {
  const std::string deep(1'000'000, '\x91');
  Decoder decoder(deep);
  decoder.skip();
  REQUIRE(!decoder.ok());
  // As a field that a newer version might have appended.
  const std::string appended = bytes_of({0x93, 1, 2}) + deep;
  CHECK(!decode<TaskId>(appended));
}

TEST_CASE("a value of any kind is passed over", "[codec]") {
  Encoder encoder;
  encoder.array(9);
  encoder.nil();
  encoder.boolean(true);
  encoder.number(std::int64_t{-5});
  encoder.number(std::uint64_t{5});
  encoder.real(0.5);
  encoder.text("text");
  encoder.bytes("bytes");
  encoder.array(0);
  encoder.array(1);
  encoder.array(1);
  encoder.nil();
  const std::string map_and_extension =
      bytes_of({0x82, 1, 2, 0xa1, 'k', 0x91, 3, 0xd6, 9, 1, 2, 3, 4, 0xc7, 2, 9, 1, 2});
  const std::string bytes = encoder.take() + map_and_extension;
  Decoder decoder(bytes);
  for (int value = 0; value < 4; ++value) decoder.skip();
  CHECK(decoder.ok());
  CHECK(decoder.at_end());
}

}  // namespace troupe
