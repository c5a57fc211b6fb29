// Tasks that stream their results.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"
#include "tests/support/folder.h"
#include "tests/support/local_agent.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

using Numbers = std::vector<float>;

constexpr Task<Stream<int>(int, int)> count_up{"stream.count_up"};
constexpr Task<Stream<int>(int)> throws_at{"stream.throws_at"};
constexpr Task<Stream<std::string>(std::string)> endless{"stream.endless"};
constexpr Task<Stream<int>(std::string)> in_steps{"stream.in_steps"};
constexpr Task<Stream<Numbers>(int)> arrays{"stream.arrays"};
constexpr Task<Stream<Ref<Numbers>>(int)> refs{"stream.refs"};
constexpr Task<Stream<int>(int)> dies_once{"stream.dies_once"};
constexpr Task<Stream<Ref<int>>()> second_fails{"stream.second_fails"};
constexpr Task<int(int)> no_two{"stream.no_two"};
constexpr Task<double(Numbers)> sum_of{"stream.sum_of"};

void enroll(Catalog& catalog) {
  catalog.add(count_up, [](Yield<int>& yield, int from, int to) {
    for (int i = from; i < to; ++i) yield(i);
  });
  catalog.add(throws_at, [](Yield<int>& yield, int end) {
    for (int i = 0; i < end; ++i) yield(i);
    throw std::runtime_error("no more of these");
  });
  // Says in a file how far it is.
  catalog.add(endless, [](Yield<std::string>& yield, const std::string& folder) {
    for (int i = 0;; ++i) {
      yield(std::string(10'000, 'x'));
      std::ofstream(folder + "made") << i + 1 << std::flush;
    }
  });
  // One, and the next when the file is there.
  catalog.add(in_steps, [](Yield<int>& yield, const std::string& file) {
    yield(1);
    while (!std::filesystem::exists(file)) std::this_thread::sleep_for(1ms);  // Files do not call.
    yield(2);
  });
  catalog.add(arrays, [](Yield<Numbers>& yield, int count) {
    for (int i = 0; i < count; ++i) yield(Numbers(1'000'000, static_cast<float>(i)));
  });
  catalog.add(refs, [](Context& context, Yield<Ref<Numbers>>& yield, int count) {
    for (int i = 0; i < count; ++i) yield(context.session().put(Numbers(100'000, static_cast<float>(i))));
  });
  catalog.add(no_two, [](int number) {
    if (number == 2) throw std::runtime_error("not two");
    return number;
  });
  catalog.add(second_fails, [](Context& context, Yield<Ref<int>>& yield) {
    for (int i = 1; i <= 2; ++i) yield(context.session().submit(no_two, i));
  });
  catalog.add(dies_once, [](Context& context, Yield<int>& yield, int end) {
    for (int i = 0; i < end; ++i) {
      if (context.attempt().number == 1 && i == end / 2) ::raise(SIGKILL);  // Most before it were read: see yield.h.
      yield(i);
    }
  });
  catalog.add(sum_of, [](const Numbers& numbers) { return std::accumulate(numbers.begin(), numbers.end(), 0.0); });
}

std::vector<int> all(Stream<int>& stream) {
  std::vector<int> numbers;
  for (const int each : stream) numbers.push_back(each);
  return numbers;
}

std::vector<int> up_to(int end) {
  std::vector<int> numbers(static_cast<std::size_t>(end));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

/// What stands in the file once it has not changed for a while.
int settled_number(const std::string& file) {
  int before = -1;
  for (int number = 0; number != before || number == 0; std::this_thread::sleep_for(200ms)) {
    before = number;
    std::ifstream(file) >> number;
  }
  return before;
}

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("results come in their order, however many, and then no more") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  const int count = GENERATE(0, 1, 20'000);
  auto stream = session.stream(count_up, 0, count);
  CHECK(all(stream) == up_to(count));
  CHECK(!stream.next());
}

TEST_CASE("a result is there before the task has ended") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  const test::Folder folder;
  auto stream = session.stream(in_steps, folder.file("go"));
  CHECK(stream.next() == 1);
  const auto not_yet = stream.try_next(20ms);
  REQUIRE(!not_yet);
  CHECK(not_yet.error().fault == Fault::timed_out);
  std::ofstream(folder.file("go")) << "go";
  CHECK(stream.next() == 2);
  CHECK(!stream.next());
}

TEST_CASE("a task that was read to its end, or has thrown, holds nothing any more") {
  auto cluster = Cluster::local({.cpus = 1000});
  auto session = cluster.connect();
  auto stream = session.stream(count_up, 0, 3);
  for (int i = 0; i < 3; ++i) CHECK(stream.next() == i);
  CHECK(session.try_get(session.submit(no_two, 3), 10s));
  CHECK(!stream.next());
  auto empty = session.stream(count_up, 0, 0);
  CHECK(!empty.next());
  auto thrown = session.stream(throws_at, 1);
  CHECK(thrown.next() == 0);
  CHECK_THROWS_WITH(thrown.next(), Catch::Contains("no more of these"));
  CHECK(session.try_get(session.submit(no_two, 4), 10s));
}

TEST_CASE("a task waits for its reader, and ends with it") {
  auto cluster = Cluster::local({.cpus = 1000});
  auto session = cluster.connect();
  const test::Folder folder;
  {
    auto stream = session.stream(endless, folder.file(""));
    REQUIRE(stream.next());
    const int made = settled_number(folder.file("made"));
    CHECK(made < 300);  // Of 10 kB: 1 MiB there, and what is on its way.
    for (int i = 0; i < made; ++i) REQUIRE(stream.next());
    CHECK(settled_number(folder.file("made")) > made);
  }
  // Its cpu is free again.
  auto next = session.stream(count_up, 0, 3);
  CHECK(all(next) == up_to(3));
}

TEST_CASE("large results and Refs lie in the store, and may be handed on") {
  auto cluster = Cluster::local({.cpus = 3000});
  auto session = cluster.connect();
  auto stream = session.stream(arrays, 5);
  for (int i = 0; i < 5; ++i) {
    const Ref<Numbers> ref = stream.next_ref();
    CHECK(session.get(session.submit(sum_of, ref)) == i * 1e6);
  }
  CHECK(!stream.next_ref());
  int i = 0;
  auto of_refs = session.stream(refs, 5);
  for (const Ref<Numbers>& ref : of_refs) CHECK(session.get(session.submit(sum_of, ref)) == i++ * 1e5);
  CHECK(i == 5);
}

TEST_CASE("what a task throws comes after its results") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  auto stream = session.stream(throws_at, 3);
  for (int i = 0; i < 3; ++i) CHECK(stream.next() == i);
  for (int i = 0; i < 2; ++i) CHECK_THROWS_WITH(stream.next(), Catch::Contains("no more of these"));
}

TEST_CASE("a task whose worker dies goes on where its reader was, if it may be started anew") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  auto stream = session.stream(StreamOptions{.max_restarts = 1}, dies_once, 20'000);
  CHECK(all(stream) == up_to(20'000));
  auto other = session.stream(dies_once, 20'000);
  CHECK_THROWS_WITH(all(other), Catch::Contains("stream.dies_once"));
}

TEST_CASE("what a reader has not come to yet is his as soon as it has arrived") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  auto stream = session.stream(arrays, 3);
  REQUIRE(stream.next());
  const auto is_held = [&] {
    const auto objects = test::stored_objects(cluster);
    return objects.size() == 1 && objects[0].held == 1;
  };
  const auto give_up = std::chrono::steady_clock::now() + 20s;
  while (!is_held() && std::chrono::steady_clock::now() < give_up)
    std::this_thread::sleep_for(20ms);  // Nobody is told when an object is taken over.
  CHECK(is_held());
}

TEST_CASE("results that lay on a lost node are made again, if the task may be started anew") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  auto stream = session.stream(StreamOptions{.max_restarts = 3}, arrays, 6);
  for (int i = 0; i < 6; ++i) {
    if (i == 2 || i == 4) test::kill_agent(cluster);
    const auto numbers = stream.next();
    REQUIRE(numbers);
    CHECK(numbers->back() == static_cast<float>(i));
  }
  CHECK(!stream.next());
}

TEST_CASE("a result that is not made takes none of those before it along") {
  auto cluster = Cluster::local({.cpus = 3000});
  auto session = cluster.connect();
  auto stream = session.stream(second_fails);
  const auto first = stream.next();
  REQUIRE(first);
  CHECK(session.get(*first) == 1);
  CHECK_THROWS_WITH(stream.next(), Catch::Contains("not two"));
}
