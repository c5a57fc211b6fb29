#include "runtime/wire/message_codec.h"

#include <catch2/catch.hpp>

#include "runtime/wire/codec.h"
#include "tests/support/every_message.h"

using namespace troupe;

namespace {

const Envelope envelope{{1, 2}, 3, 4};

}  // namespace

TEST_CASE("every message comes back as it was sent", "[messages]") {
  const auto messages = test::every_message();
  REQUIRE(messages.size() == std::variant_size_v<message::Message>);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    INFO("message " << i);
    REQUIRE(messages[i].index() == i);
    const Bytes frame = encode(envelope, messages[i]);
    const auto letter = decode(frame);
    REQUIRE(letter);
    CHECK(letter->envelope == envelope);
    REQUIRE(letter->messages.size() == 1);
    CHECK(letter->messages[0].index() == i);
    CHECK(encode(letter->envelope, letter->messages[0]) == frame);
  }
  const auto letter = decode(encode(envelope, messages[2]));
  CHECK(std::get<message::Submit>(letter->messages[0]).tasks[1] == test::some_task());
}

TEST_CASE("a frame that is cut short or changed is refused or harmless", "[messages]") {
  for (const auto& message : test::every_message()) {
    const Bytes frame = encode(envelope, message);
    for (std::size_t size = 0; size < frame.size(); ++size) CHECK_FALSE(decode(frame.substr(0, size)));
    CHECK_FALSE(decode(frame + '\0'));
    for (std::size_t i = 0; i < frame.size(); ++i) {
      Bytes changed = frame;
      changed[i] = static_cast<char>(changed[i] ^ 0x55);
      if (const auto letter = decode(changed)) CHECK_FALSE(letter->messages.empty());
    }
  }
}

TEST_CASE("an order to run a join is refused: nothing of it runs", "[messages]") {
  RunOrder order{.task = {JobId{5}, 1}, .work = FunctionWork{"f", {}}};
  Bytes bytes = encode(envelope, message::Run{order});
  const auto at =
      bytes.find(Bytes("\x92\x00\x92\xa1"
                       "f\x90",
                       6));  // The kind of work, then what it is.
  REQUIRE(at != Bytes::npos);
  bytes.replace(at, 6, Bytes("\x92\x03\x90", 3));
  const auto found = decode(bytes);
  REQUIRE_FALSE(found);
  CHECK_THAT(found.error().message, Catch::Contains("found an order to run a join"));
}

TEST_CASE("another protocol version is refused, and both are named", "[messages]") {
  Encoder encoder;
  encoder.array(3);
  encoder.number(std::uint64_t{99});
  encoder.nil();
  encoder.nil();
  const auto letter = decode(encoder.written());
  REQUIRE_FALSE(letter);
  CHECK(letter.error().fault == Fault::unsupported);
  CHECK(letter.error().message.find("99") != std::string::npos);
}
