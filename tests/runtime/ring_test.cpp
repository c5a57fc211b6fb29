// Rings between two threads, which stand for two processes: both ends map the same memory.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/ring/local_socket.h"
#include "runtime/ring/ring_link.h"
#include "runtime/wire/call_records.h"
#include "tests/support/dice.h"

using namespace troupe;
using namespace std::chrono_literals;
using troupe::test::Dice;

namespace {

constexpr std::size_t small = 1024;

struct SmallRing {
  SharedMemory memory = std::move(*SharedMemory::make(ring_head_bytes + small));
  RingWriter writer{memory.bytes()};
  RingReader reader{memory.bytes()};
  RingHead& head() { return *reinterpret_cast<RingHead*>(memory.bytes().data()); }
  bool write(std::string_view record) { return writer.write({&record, 1}); }
};

std::string record_of(std::uint64_t number, std::size_t bytes) {
  std::string record = std::to_string(number) + ':';
  record.resize(std::max(bytes, record.size()), static_cast<char>('a' + number % 26));
  return record;
}

/// The two ends of a link, as caller and worker have them.
struct Pair {
  explicit Pair(std::uint64_t number = 7) {
    const std::string socket =
        (std::filesystem::temp_directory_path() / ("troupe-ring-" + to_text(random_id()))).string();
    auto door = RingDoor::open(socket);
    REQUIRE(door);
    auto asked = RingLink::ask(socket, number, caller_bell);
    REQUIRE(asked);
    CHECK_FALSE(asked->take_answer().value());
    auto taken = door->take_requests(worker_bell);
    REQUIRE(taken.size() == 1);
    worker.emplace(std::move(taken.front()));
    REQUIRE(asked->take_answer().value());
    caller.emplace(std::move(*asked));
    std::filesystem::remove(socket);
  }

  Bell caller_bell = std::move(*Bell::make());
  Bell worker_bell = std::move(*Bell::make());
  std::optional<RingLink> caller;
  std::optional<RingLink> worker;
};

void send(RingLink& link, std::string_view message) { link.send({&message, 1}); }

/// The next message, for which it sleeps where there is none; empty if none comes.
std::string next(RingLink& link, Bell& own) {
  for (;;) {
    if (const auto message = link.receive()) {
      std::string copy(*message);
      return copy;
    }
    link.give_room();
    own.fall_asleep();
    if (!link.has_more() && !link.can_flush()) {
      pollfd polled{own.descriptor(), POLLIN, 0};
      if (::poll(&polled, 1, 20'000) != 1) return {};  // Catch's macros are for one thread.
      own.clear();
    }
    own.stay_awake();
    link.flush();
  }
}

}  // namespace

TEST_CASE("records come out of a ring as they went in, however they lie across its end", "[ring]") {
  Dice dice;
  INFO("TROUPE_SEED=" << dice.seed());
  const std::uint64_t seed = dice.below(1u << 30);
  const auto size_of = [seed](std::uint64_t number) { return (number * 2654435761u + seed) % (small / 4); };
  constexpr std::uint64_t records = 20'000;
  SmallRing ring;
  std::jthread writer([&] {
    for (std::uint64_t i = 0; i < records; ++i)
      while (!ring.write(record_of(i, size_of(i)))) std::this_thread::yield();
  });
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; i < records; ++i) {
    auto record = ring.reader.front();
    for (; !record; record = ring.reader.front()) std::this_thread::yield();
    if (*record != record_of(i, size_of(i))) ++wrong;
    ring.reader.pop();
  }
  CHECK(wrong == 0);
  CHECK_FALSE(ring.reader.front());
  CHECK_FALSE(ring.writer.is_broken());
  CHECK_FALSE(ring.reader.is_broken());
}

TEST_CASE("a full ring takes nothing, and says once that somebody waits for room", "[ring]") {
  SmallRing ring;
  const std::string record(200, 'x');
  int taken = 0;
  while (ring.write(record)) ++taken;
  CHECK(taken == 4);
  CHECK_FALSE(ring.writer.ask_for_room());
  REQUIRE(ring.reader.front());
  ring.reader.pop();
  CHECK(ring.reader.owes_room());
  CHECK_FALSE(ring.reader.owes_room());
  CHECK(ring.writer.has_new_room());
  CHECK(ring.write(record));
}

TEST_CASE("numbers that the other side made up break the ring, and nothing else", "[ring]") {
  Dice dice;
  INFO("TROUPE_SEED=" << dice.seed());
  for (int i = 0; i < 2'000; ++i) {
    SmallRing ring;
    for (int record = 0; record < 3; ++record) REQUIRE(ring.write(std::string(dice.below(200), 'x')));
    if (dice.below(2) == 0) {
      ring.head().written = dice.number<std::uint64_t>();
      ring.head().read = dice.number<std::uint64_t>();
    } else {
      for (std::byte& byte : ring.memory.bytes().subspan(ring_head_bytes))
        byte = static_cast<std::byte>(dice.below(256));
    }
    std::size_t bytes = 0;
    for (int look = 0; look < 100; ++look) {
      const auto record = ring.reader.front();
      if (!record) break;
      for (const char byte : *record) bytes += static_cast<unsigned char>(byte);
      ring.reader.pop();
    }
    CHECK(bytes <= 255u * 100 * small);
    for (int look = 0; look < 10; ++look) (void)ring.write("more");
  }
}

TEST_CASE("messages of any size cross a link both ways, between two that sleep", "[ring]") {
  Dice dice;
  INFO("TROUPE_SEED=" << dice.seed());
  constexpr std::uint64_t messages = 300;
  std::vector<std::size_t> sizes;
  for (std::uint64_t i = 0; i < messages; ++i)
    sizes.push_back(dice.below(20) == 0 ? dice.below(2'000'000) : dice.below(3'000));
  Pair pair;
  std::uint64_t wrong = 0;
  std::jthread worker([&] {
    for (std::uint64_t i = 0; i < messages; ++i) {
      if (next(*pair.worker, pair.worker_bell) != record_of(i, sizes[i])) ++wrong;
      send(*pair.worker, record_of(i + 1, sizes[i]));
    }
    while (!pair.worker->flush()) std::this_thread::yield();
  });
  for (std::uint64_t i = 0; i < messages; ++i) send(*pair.caller, record_of(i, sizes[i]));
  std::uint64_t answers = 0;
  for (; answers < messages; ++answers)
    if (next(*pair.caller, pair.caller_bell) != record_of(answers + 1, sizes[answers])) break;
  worker.join();
  CHECK(answers == messages);
  CHECK(wrong == 0);
}

TEST_CASE("each end of a link sees that the other is gone", "[ring]") {
  Pair pair;
  pollfd polled{pair.caller->descriptor(), POLLIN, 0};
  CHECK(::poll(&polled, 1, 0) == 0);
  pair.worker.reset();
  CHECK(::poll(&polled, 1, 20'000) == 1);
}

TEST_CASE("a link that was given up carries nothing more, also of what was sent before", "[ring]") {
  Pair pair;
  for (const char* message : {"nonsense", "more", "still more"}) send(*pair.caller, message);
  REQUIRE(pair.worker->receive() == "nonsense");
  pair.worker->give_up();
  for (int look = 0; look < 2; ++look) {
    CHECK_FALSE(pair.worker->receive());
    CHECK(pair.worker->is_broken());
  }
}

TEST_CASE("who asks for a link with memory that could be taken away again is sent away", "[ring]") {
  const int unsealed = ::memfd_create("test", MFD_CLOEXEC);
  REQUIRE(::ftruncate(unsealed, 4096) == 0);
  const auto refused = SharedMemory::from(Descriptor(unsealed), 4096);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::corrupt);
  const auto made = SharedMemory::make(4096);
  const auto other_size = SharedMemory::from(Descriptor(::dup(made->descriptor())), 8192);
  REQUIRE_FALSE(other_size);
  CHECK_THAT(other_size.error().message, Catch::Contains("4096") && Catch::Contains("8192"));
}

TEST_CASE("who hands over a descriptor that would block as its bell is not waited for", "[ring]") {
  const auto memory = SharedMemory::make(4096);
  int pipe[2];
  REQUIRE(::pipe2(pipe, O_CLOEXEC | O_NONBLOCK) == 0);
  while (::write(pipe[1], "full", 4) > 0) continue;
  REQUIRE(::fcntl(pipe[1], F_SETFL, 0) == 0);
  const Descriptor kept(pipe[0]);
  auto bell = Bell::from(Descriptor(::dup(memory->descriptor())), Descriptor(pipe[1]));
  REQUIRE(bell);
  bell->fall_asleep();
  bell->ring();
  CHECK_FALSE(bell->is_asleep());
}

TEST_CASE("a door without descriptors left is closed for a moment, and its guests wait", "[ring]") {
  const std::string socket =
      (std::filesystem::temp_directory_path() / ("troupe-ring-" + to_text(random_id()))).string();
  auto door = RingDoor::open(socket);
  REQUIRE(door);
  auto own = std::move(*Bell::make());
  auto other = std::move(*Bell::make());
  auto asked = RingLink::ask(socket, 7, other);
  REQUIRE(asked);
  const auto now = RingDoor::Clock::now();
  CHECK(door->descriptors(now).size() == 1);

  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  rlimit none = limit;
  none.rlim_cur = 0;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const auto taken = door->take_requests(own, now);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(taken.empty());
  CHECK(door->descriptors(now).empty());
  CHECK(door->take_requests(own, now + 1ms).empty());

  const auto later = door->closed_until();
  CHECK(door->descriptors(later).size() == 1);
  CHECK(door->take_requests(own, later).size() == 1);
  CHECK(asked->take_answer().value());
  std::filesystem::remove(socket);
}

TEST_CASE("a message arrives without its descriptor where there is no room for that", "[ring]") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
  const Descriptor sender(ends[0]), receiver(ends[1]);
  const auto memory = SharedMemory::make(4096);
  const int handed[] = {memory->descriptor()};
  const int said = 7;
  REQUIRE(send_message(sender, bytes_of_body(said), handed));
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  rlimit none = limit;
  none.rlim_cur = 0;
  int heard = 0;
  Descriptor came;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const auto count = receive_message(receiver, bytes_of_body(heard), {&came, 1});
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  REQUIRE(count);
  CHECK(*count == 0);
  CHECK_FALSE(came);
  CHECK(heard == said);
}

TEST_CASE("a call and its answer survive the way through a ring", "[ring]") {
  Dice dice;
  INFO("TROUPE_SEED=" << dice.seed());
  Pair pair(99);
  for (int i = 0; i < 300; ++i) {
    message::Call call{{JobId{dice.number<std::uint64_t>()}, dice.number<std::uint32_t>()},
                       {dice.number<std::uint32_t>(), dice.number<std::uint32_t>()},
                       99,
                       dice.number<std::uint64_t>(),
                       dice.string(),
                       {},
                       dice.number<std::uint32_t>()};
    call.arguments.resize(dice.below(20));
    for (Bytes& argument : call.arguments) argument = dice.string();
    const std::vector<std::string_view> arguments(call.arguments.begin(), call.arguments.end());
    send(*pair.caller, CallView{call.actor, call.attempt, call.number, call.method, arguments, call.open});
    const auto bytes = pair.worker->receive();
    REQUIRE(bytes);
    const auto decoded = decode_call(*bytes, 99);
    REQUIRE(decoded);
    CHECK(decoded->actor == call.actor);
    CHECK(decoded->attempt == call.attempt);
    CHECK(decoded->number == call.number);
    CHECK(decoded->method == call.method);
    CHECK(decoded->open == call.open);
    CHECK(decoded->arguments == call.arguments);
    const std::string cut(bytes->substr(0, dice.below(bytes->size())));
    CHECK_FALSE(decode_call(cut, 99));

    const bool ok = dice.below(2) == 0;
    const message::CallAnswer answer{call.actor,
                                     call.number,
                                     ok,
                                     ok ? dice.string() : "",
                                     ok ? "" : dice.string(),
                                     call.attempt,
                                     !ok && dice.below(2) == 0};
    send(*pair.worker, answer);
    const auto answered = pair.caller->receive();
    REQUIRE(answered);
    const auto came = decode_answer(*answered);
    REQUIRE(came);
    CHECK((came->ok == answer.ok && came->value == answer.value && came->error == answer.error));
    CHECK((came->actor == answer.actor && came->number == answer.number));
    CHECK((came->attempt == answer.attempt && came->is_gone == answer.is_gone));
  }
}
