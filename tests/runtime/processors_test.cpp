#include "runtime/agent/processors.h"

#include <sched.h>
#include <unistd.h>

#include <semaphore>
#include <thread>

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

std::vector<int> usable() {
  cpu_set_t set;
  REQUIRE(::sched_getaffinity(0, sizeof set, &set) == 0);
  std::vector<int> list;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor)
    if (CPU_ISSET(static_cast<std::size_t>(processor), &set)) list.push_back(processor);
  return list;
}

// Of processes that are only talked of: nobody has such a number.
constexpr pid_t some = 1 << 30;
constexpr pid_t other = some + 1;

}  // namespace

TEST_CASE("what runs is bound to as many processors as it was granted, those with the least on them", "[agent]") {
  const auto all = usable();
  const auto count = static_cast<Milli>(all.size());
  Processors processors(1000 * count);
  CHECK(processors.choose(500).empty());
  CHECK(processors.choose(1000 * (count + 1)).empty());
  CHECK(processors.choose(1000 * count) == all);
  const auto first = processors.choose(1000);
  CHECK(first == std::vector<int>{all.front()});
  CHECK(Processors(1000 * count, 1).choose(1000) == std::vector<int>{all[1 % all.size()]});
  CHECK(Processors(1000 * count, 1).choose(1000 * count) == all);
  processors.take(some, 1000);
  if (all.size() < 2) return;
  CHECK(processors.choose(1000) == std::vector<int>{all[1]});
  processors.rest(some);
  CHECK(processors.choose(1000) == first);
  // One that comes back finds its place taken.
  processors.take(other, 1000);
  processors.take(some, 1000);
  processors.forget(other);
  CHECK(processors.choose(1000) == first);
  processors.forget(some);
  processors.hold(other, processors.choose(1000 * count), 1000 * count);
  processors.take(some, 1000);
  processors.forget(other);
  CHECK(processors.choose(1000) == std::vector<int>{all[1]});
}

TEST_CASE("a process that has threads is bound with all of them, and keeps its processors while it may", "[agent]") {
  const auto all = usable();
  std::binary_semaphore may_look(0);
  std::vector<int> of_the_thread;
  std::jthread thread([&] {  // There before it is bound.
    may_look.acquire();
    of_the_thread = usable();
  });
  Processors processors(1000 * static_cast<Milli>(all.size()));
  processors.take(::getpid(), 1000);
  CHECK(usable() == std::vector<int>{all.front()});
  processors.rest(::getpid());
  processors.take(::getpid(), 1000);
  CHECK(usable() == std::vector<int>{all.front()});
  may_look.release();
  thread.join();
  CHECK(of_the_thread == std::vector<int>{all.front()});
  bind_thread(0, all);
}

TEST_CASE("where a node has fewer cpus than its agent may use, nobody is bound", "[agent]") {
  const Processors processors(1000 * static_cast<Milli>(usable().size()) - 500);
  CHECK(processors.choose(1000).empty());
}
