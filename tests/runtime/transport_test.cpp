// One suite for both transports.
#include <atomic>
#include <filesystem>
#include <functional>
#include <thread>

#include <catch2/catch.hpp>

#include "runtime/base/ids.h"
#include "runtime/wire/memory_transport.h"
#include "runtime/wire/ring_transport.h"
#include "runtime/wire/zmq_transport.h"
#include "tests/support/folder.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

struct Kind {
  std::string name;
  std::function<std::unique_ptr<Transport>()> make;
  std::string address;
};

void for_each_kind(const std::function<void(const Kind&)>& body) {
  MemoryNetwork network;
  body({"memory", [&] { return network.make_transport(); }, "here"});
  const std::string file = "/tmp/troupe-test-" + to_text(random_id()) + ".sock";
  body({"zmq", [] { return make_zmq_transport(); }, "ipc://" + file});
  std::filesystem::remove(file);
  body({"ring", [] { return make_ring_transport(); }, "ipc://" + file});
  std::filesystem::remove(file);
}

Deadline soon() { return std::chrono::steady_clock::now() + 20s; }

std::vector<Delivery> receive_some(Transport& transport, std::size_t count) {
  std::vector<Delivery> all;
  const auto deadline = soon();
  while (all.size() < count && std::chrono::steady_clock::now() < deadline)
    for (auto& delivery : transport.receive(deadline)) all.push_back(std::move(delivery));
  return all;
}

}  // namespace

TEST_CASE("frames arrive in order, and are answered where they came from", "[transport]") {
  for_each_kind([](const Kind& kind) {
    INFO(kind.name);
    const auto server = kind.make();
    const auto one = kind.make();
    const auto other = kind.make();
    REQUIRE(server->listen(kind.address));
    const PeerId from_one = one->connect(kind.address).value();
    const PeerId from_other = other->connect(kind.address).value();
    for (int i = 0; i < 100; ++i) one->send(from_one, "one " + std::to_string(i));
    other->send(from_other, Bytes("other\0", 6));

    std::vector<Bytes> of_one;
    for (const auto& [from, frame] : receive_some(*server, 101)) {
      if (frame.starts_with("one")) of_one.push_back(frame);
      server->send(from, "to " + frame);
    }
    REQUIRE(of_one.size() == 100);
    for (int i = 0; i < 100; ++i) CHECK(of_one[static_cast<std::size_t>(i)] == "one " + std::to_string(i));
    const auto answers = receive_some(*other, 1);
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].from == from_other);
    CHECK(answers[0].frame == Bytes("to other\0", 9));
    CHECK(receive_some(*one, 100).size() == 100);
  });
}

TEST_CASE("receiving ends with what there is to wait for besides frames, and its bell is heard", "[transport]") {
  for_each_kind([](const Kind& kind) {
    INFO(kind.name);
    const auto transport = kind.make();
    Bell bell = std::move(*Bell::make());
    std::atomic<bool> has_come = false;
    const Besides besides{bell, [&] { return has_come.load(); }};
    const auto deadline = soon();
    CHECK(transport->receive(std::chrono::steady_clock::now() + 5ms, &besides).empty());
    for (int round = 0; round < 3; ++round) {
      has_come = false;
      std::jthread other([&] {
        std::this_thread::sleep_for(10ms);  // So that it sleeps, mostly.
        has_come = true;
        bell.ring();
      });
      while (!has_come && std::chrono::steady_clock::now() < deadline)
        CHECK(transport->receive(deadline, &besides).empty());
    }
    CHECK(std::chrono::steady_clock::now() < deadline);
    CHECK_FALSE(bell.is_asleep());
  });
}

TEST_CASE("a connection may be made before anybody listens", "[transport]") {
  for_each_kind([](const Kind& kind) {
    INFO(kind.name);
    const auto client = kind.make();
    const PeerId peer = client->connect(kind.address).value();
    client->send(peer, "early");
    const auto server = kind.make();
    REQUIRE(server->listen(kind.address));
    std::vector<Delivery> arrived;
    for (const auto deadline = soon(); arrived.empty() && std::chrono::steady_clock::now() < deadline;) {
      CHECK(client->receive(std::chrono::steady_clock::now() + 1ms).empty());
      arrived = server->receive(std::chrono::steady_clock::now() + 1ms);
    }
    REQUIRE(arrived.size() == 1);
    CHECK(arrived[0].frame == "early");
  });
}

TEST_CASE("a wake from another thread ends a wait", "[transport]") {
  for_each_kind([](const Kind& kind) {
    INFO(kind.name);
    const auto transport = kind.make();
    REQUIRE(transport->listen(kind.address));
    std::jthread other([&] { transport->wake(); });
    const auto begin = std::chrono::steady_clock::now();
    CHECK(transport->receive(begin + 60s).empty());
    CHECK(std::chrono::steady_clock::now() - begin < 30s);
  });
}

TEST_CASE("wakes that nobody waits for end one wait, and the next wake another", "[transport]") {
  for_each_kind([](const Kind& kind) {
    INFO(kind.name);
    const auto transport = kind.make();
    REQUIRE(transport->listen(kind.address));
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 10; ++i) transport->wake();
      const auto begin = std::chrono::steady_clock::now();
      CHECK(transport->receive(begin + 60s).empty());
      CHECK(std::chrono::steady_clock::now() - begin < 30s);
      CHECK(transport->receive(std::chrono::steady_clock::now() + 1ms).empty());
    }
  });
}

TEST_CASE("one end hears all who send to it, whoever it answers meanwhile", "[transport]") {
  for_each_kind([](const Kind& kind) {
    INFO(kind.name);
    const auto middle = kind.make();
    const auto asks = kind.make();
    REQUIRE(middle->listen(kind.address));
    const auto upper = kind.make();
    const std::string upper_address = kind.address + ".upper";
    REQUIRE(upper->listen(upper_address));
    const PeerId to_upper = middle->connect(upper_address).value();
    const PeerId to_middle = asks->connect(kind.address).value();
    for (int i = 0; i < 100; ++i) {
      asks->send(to_middle, "ask");
      REQUIRE(receive_some(*middle, 1).size() == 1);
      middle->send(to_upper, "ask");
      const auto asked = receive_some(*upper, 1);
      REQUIRE(asked.size() == 1);
      upper->send(asked[0].from, "answer");
      REQUIRE(receive_some(*middle, 1).at(0).frame == "answer");
    }
    std::filesystem::remove(upper_address.substr(upper_address.find('/') == std::string::npos ? 0 : 6));
  });
}

TEST_CASE("a peer that is gone takes frames nowhere and stops nobody", "[transport]") {
  for_each_kind([](const Kind& kind) {
    INFO(kind.name);
    const auto server = kind.make();
    REQUIRE(server->listen(kind.address));
    auto gone = kind.make();
    gone->send(gone->connect(kind.address).value(), "hello");
    const PeerId peer = receive_some(*server, 1).at(0).from;
    gone.reset();
    const auto stays = kind.make();
    const PeerId to_server = stays->connect(kind.address).value();
    for (int i = 0; i < 1000; ++i) {
      server->send(peer, "lost");
      stays->send(to_server, "ping");
      const auto pings = receive_some(*server, 1);
      REQUIRE(pings.size() == 1);
      server->send(pings[0].from, "pong");
      REQUIRE(receive_some(*stays, 1).size() == 1);
    }
  });
}

TEST_CASE("that a peer on this node is gone is known once what it said was taken", "[transport]") {
  const std::unique_ptr<Transport> server = make_ring_transport();
  const test::Folder folder;
  const std::string address = "ipc://" + folder.file("door");
  REQUIRE(server->listen(address));
  auto client = make_ring_transport();
  client->send(*client->connect(address), "hello");
  const auto heard = receive_some(*server, 1);
  REQUIRE(heard.size() == 1);
  CHECK_FALSE(server->is_gone(heard[0].from));
  client.reset();
  for (const auto end = soon(); !server->is_gone(heard[0].from) && std::chrono::steady_clock::now() < end;)
    (void)server->receive(std::chrono::steady_clock::now() + 10ms);
  CHECK(server->is_gone(heard[0].from));
}

TEST_CASE("what a peer said before it left is heard, also where nobody looked meanwhile", "[transport]") {
  for_each_kind([](const Kind& kind) {
    INFO(kind.name);
    const auto server = kind.make();
    REQUIRE(server->listen(kind.address));
    auto gone = kind.make();
    gone->send(gone->connect(kind.address).value(), "last words");
    gone.reset();
    const auto arrived = receive_some(*server, 1);
    REQUIRE(arrived.size() == 1);
    CHECK(arrived[0].frame == "last words");
  });
}

TEST_CASE("no more is kept for a peer that does not read than was said, and it hears what comes later", "[transport]") {
  const bool listens_from_the_start = GENERATE(true, false);
  const std::string address = "ipc:///tmp/troupe-" + to_text(random_id());
  const auto server = make_ring_transport();
  const auto client = make_ring_transport(4u << 20);
  if (listens_from_the_start) REQUIRE(server->listen(address));
  const PeerId to_server = client->connect(address).value();
  for (int i = 0; i < 10; ++i) client->send(to_server, Bytes(1u << 20, 'x'));
  if (!listens_from_the_start) REQUIRE(server->listen(address));
  client->send(to_server, "later");
  std::vector<Delivery> arrived;
  for (const auto deadline = soon(); std::chrono::steady_clock::now() < deadline;) {
    CHECK(client->receive(std::chrono::steady_clock::now() + 1ms).empty());
    for (auto& each : server->receive(std::chrono::steady_clock::now() + 1ms)) arrived.push_back(std::move(each));
    if (!arrived.empty() && arrived.back().frame == "later") break;
  }
  REQUIRE(!arrived.empty());
  CHECK(arrived.back().frame == "later");
  CHECK(arrived.size() <= 5);
  std::filesystem::remove(address.substr(6));
}

TEST_CASE("a socket path that is too long is refused in words", "[transport]") {
  const auto transport = make_zmq_transport();
  const auto listening = transport->listen("ipc:///tmp/" + std::string(200, 'x'));
  REQUIRE_FALSE(listening);
  CHECK(listening.error().message.find("107") != std::string::npos);
}
