#include "runtime/wire/message_codec.h"

#include <chrono>

#include <catch2/catch.hpp>

#include "runtime/wire/codec.h"
#include "runtime/wire/memory_transport.h"
#include "runtime/wire/outbox.h"
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
      bytes.find(Bytes("\x92\x00\x93\xa1"
                       "f\x90\xc0",
                       7));  // The kind of work, then what it is.
  REQUIRE(at != Bytes::npos);
  bytes.replace(at, 7, Bytes("\x92\x03\x90", 3));
  const auto found = decode(bytes);
  REQUIRE_FALSE(found);
  CHECK_THAT(found.error().message, Catch::Contains("found an order to run a join"));
}

TEST_CASE("a frame of very many small messages is refused before they are all there", "[messages]") {
  FrameWriter frame(envelope);
  for (int i = 0; i < 65'537; ++i) frame.add(message::HeartbeatTaken{});
  const auto found = decode(frame.take());
  REQUIRE_FALSE(found);
  CHECK(found.error().fault == Fault::corrupt);
}

TEST_CASE("a message that no frame can carry is lost, and those beside it arrive", "[messages]") {
  MemoryNetwork network;
  const auto here = network.make_transport();
  const auto there = network.make_transport();
  REQUIRE(there->listen("there"));
  const PeerId to = *here->connect("there");
  Outbox outbox;
  outbox.post(to, envelope, message::Answer{1, ""});
  outbox.post({to.value}, {envelope.cluster, envelope.epoch + 1}, message::Answer{2, std::string(65u << 20, 'x')});
  outbox.post(to, envelope, message::Answer{3, ""});
  outbox.flush(*here);
  std::vector<std::uint64_t> heard;
  while (heard.size() < 2)
    for (const auto& delivery : there->receive(std::chrono::steady_clock::now() + std::chrono::seconds(10))) {
      const auto letters = decode(delivery.frame);
      REQUIRE(letters);
      for (const auto& message : letters->messages) heard.push_back(std::get<message::Answer>(message).request);
    }
  CHECK(heard == std::vector<std::uint64_t>{1, 3});
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
