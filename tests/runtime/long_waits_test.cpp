#include "runtime/api/long_waits.h"

#include <string>

#include <catch2/catch.hpp>

#include "runtime/api/sync_client.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

/// Waits that never end early, of this thread.
class Waits {
 public:
  Waits() {
    waits_.watch(std::this_thread::get_id(), [this](bool waits) { told += waits ? "waits " : "goes on "; });
  }
  bool wait(std::chrono::milliseconds length) {
    return waits_.wait(LongWaits::Clock::now() + length, [](LongWaits::Clock::time_point until) {
      std::this_thread::sleep_until(until);
      return false;
    });
  }
  /// It is there at the first look.
  bool look() {
    return waits_.wait(LongWaits::Clock::now() + 1s, [](LongWaits::Clock::time_point) { return true; });
  }
  LongWaits::Scope one() { return LongWaits::Scope(waits_); }

  std::string told;

 private:
  LongWaits waits_;
};

}  // namespace

TEST_CASE("a wait of more than a millisecond is told, and its end", "[session]") {
  Waits waits;
  CHECK_FALSE(waits.wait(3ms));
  CHECK(waits.told == "waits goes on ");
}

TEST_CASE("short waits are told to nobody, however many", "[session]") {
  Waits waits;
  for (int i = 0; i < 5; ++i) CHECK_FALSE(waits.wait(0ms));
  CHECK(waits.look());
  CHECK(waits.told.empty());
}

TEST_CASE("waits within one scope are one, whose time begins with it", "[session]") {
  Waits waits;
  {
    const auto one = waits.one();
    for (int i = 0; i < 4; ++i) CHECK_FALSE(waits.wait(1ms));
    CHECK(waits.look());
    CHECK(waits.told == "waits ");
  }
  CHECK(waits.told == "waits goes on ");
}

TEST_CASE("another thread's waits are its own", "[session]") {
  Waits waits;
  std::jthread([&] { CHECK_FALSE(waits.wait(3ms)); }).join();
  CHECK(waits.told.empty());
}

TEST_CASE("who waits for a lock keeps the cpus, who waits for others at a barrier or for a message does not",
          "[session]") {
  std::string told;
  LongWaits waits;
  waits.watch(std::this_thread::get_id(), [&](bool waits_now) { told += waits_now ? "waits " : "goes on "; });
  SyncClient client([] {}, waits);
  CHECK_FALSE(client.wait(client.start(sync::Acquire{.name = "a"}), 5ms));  // Nobody answers.
  CHECK_FALSE(client.wait(client.start(sync::Acquire{.kind = sync::Kind::semaphore, .name = "s"}), 5ms));
  CHECK(told.empty());
  CHECK_FALSE(client.wait(client.start(sync::Arrive{.name = "b", .parties = 2}), 5ms));
  CHECK(told == "waits goes on ");
  CHECK_FALSE(client.wait(client.start(sync::Receive{.queue = "q"}), 5ms));
  CHECK(told == "waits goes on waits goes on ");
}
