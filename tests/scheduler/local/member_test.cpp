// Those who start, and the locks of those who run.
#include "scheduler/local/member.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include <catch2/catch.hpp>

#include "scheduler/local/supervisor.h"
#include "scheduler/local/supervisor_start.h"
#include "tests/support/folder.h"

namespace troupe::scheduler {
namespace {

/// A process that takes the lock and is gone, but for a child that has it until `line` is closed.
void kill_holder_with_child(const std::string& folder, int line[2]) {
  const pid_t holder = ::fork();
  if (holder == 0) {
    auto lock = MemberLock::take(folder);
    if (::fork() == 0) {
      char end = 0;
      ::close(line[1]);
      (void)::read(line[0], &end, 1);
    }
    ::_exit(lock ? 0 : 1);
  }
  int status = 0;
  ::waitpid(holder, &status, 0);
  REQUIRE(status == 0);
}

TEST_CASE("a starter waits as long as it hears that the store is being read, and from then on for its limit") {
  const StartLimit::Time begin{};
  StartLimit limit(begin);
  const auto last = begin + 10 * StartLimit::longest_silence;
  for (auto now = begin; now < last; now += StartLimit::longest_silence / 2) {
    CHECK(limit.end() > now);
    CHECK(limit.goes_on(loading_word, now));
  }
  CHECK(limit.end() > last);
  const auto end = limit.end();
  CHECK_FALSE(limit.goes_on(ready_word, last));
  CHECK_FALSE(limit.goes_on("the store is older than what was seen", last));
  CHECK(limit.end() == end);
}

TEST_CASE("the lock of a member that was killed is taken when the last of it has ended") {
  const test::Folder folder;
  int line[2];
  REQUIRE(::pipe(line) == 0);
  kill_holder_with_child(folder.path(), line);
  ::close(line[0]);
  std::thread last([&] {
    // Long enough that the lock is asked for before; with it or without, it must be had.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ::close(line[1]);
  });
  const auto lock = MemberLock::take(folder.path());
  last.join();
  REQUIRE(lock);
}

TEST_CASE("the lock of a member that runs is refused at once, by the number of its process") {
  const test::Folder folder;
  const auto lock = MemberLock::take(folder.path());
  REQUIRE(lock);
  const auto second = MemberLock::take(folder.path());
  REQUIRE_FALSE(second);
  CHECK(second.error().message.find("process " + std::to_string(::getpid())) != std::string::npos);
}

}  // namespace
}  // namespace troupe::scheduler
