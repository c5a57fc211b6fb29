#include "runtime/worker/cancelled_calls.h"

#include <chrono>
#include <future>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include <catch2/catch.hpp>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

message::Call call_of(std::uint64_t number, std::uint64_t caller = 1) {
  return {
      .actor = {JobId{1}, 1}, .attempt = {1, 1}, .caller = caller, .number = number, .method = "m", .arguments = {}};
}
message::CancelCall cancel_of(std::uint64_t number, std::uint64_t caller = 1) {
  return {{JobId{1}, 1}, {1, 1}, caller, number};
}

bool is_cancelled(CancelledCalls& all, const message::Call& call) {
  return CancelledCalls::Running(all, call).is_cancelled();
}

}  // namespace

TEST_CASE("a call that is cancelled before it comes does not begin, and no other is meant", "[cancel]") {
  CancelledCalls all;
  all.cancel(cancel_of(5));
  CHECK_FALSE(is_cancelled(all, call_of(4)));
  CHECK_FALSE(is_cancelled(all, call_of(5, 2)));
  CHECK(is_cancelled(all, call_of(5)));
  CHECK_FALSE(is_cancelled(all, call_of(5)));
}

TEST_CASE("a cancel that came too late is forgotten when its caller counts from 1 again", "[cancel]") {
  CancelledCalls all;
  CHECK_FALSE(is_cancelled(all, call_of(1)));
  all.cancel(cancel_of(1));
  all.cancel(cancel_of(1, 2));
  all.start_over(1);
  CHECK_FALSE(is_cancelled(all, call_of(1)));
  CHECK(is_cancelled(all, call_of(1, 2)));
}

TEST_CASE("as many cancels are remembered as calls may be under way", "[cancel]") {
  CancelledCalls all;
  for (std::uint64_t number = 1; number <= CancelledCalls::most_remembered + 10; ++number)
    all.cancel(cancel_of(number));
  CHECK_FALSE(is_cancelled(all, call_of(10)));
  CHECK(is_cancelled(all, call_of(11)));
}

TEST_CASE("what hangs on a stop may wait for what the call holds, and ask for a token itself", "[cancel]") {
  CancelledCalls all;
  std::mutex held_by_call;
  std::promise<void> is_running;
  std::promise<bool> stopped;
  std::thread call([&] {
    const CancelledCalls::Running running(all, call_of(1));
    const std::stop_token token = CancelledCalls::stop_token();
    const std::stop_callback callback(token, [&] {
      const std::lock_guard lock(held_by_call);
      stopped.set_value(CancelledCalls::stop_token().stop_possible());
    });
    std::unique_lock lock(held_by_call);
    is_running.set_value();
    // With the lock held, as a call may: nothing that could be waited for without it.
    while (!token.stop_requested()) std::this_thread::sleep_for(1ms);
    CHECK(CancelledCalls::stop_token().stop_requested());
    lock.unlock();
    CHECK_FALSE(stopped.get_future().get());  // That thread runs no call.
  });
  is_running.get_future().wait();
  all.cancel(cancel_of(1));
  call.join();
}

TEST_CASE("outside a call there is nothing to stop", "[cancel]") {
  CHECK_FALSE(CancelledCalls::stop_token().stop_possible());
}
