// Groups that are waited for through a join, in place of an edge from each to each.
#include "tools/cli/graph_joins.h"

#include <catch2/catch.hpp>

#include "tests/cli/graph_support.h"

namespace troupe::cli {
namespace {

using namespace test;

TEST_CASE("many that come after all of a group come after its join") {
  const auto tasks =
      tasks_of("tasks:\n  a: {each: {x: " + list_of(200) + "}, command: [a]}\n  b: {each: {x: " + list_of(150) +
               "}, after: [a], command: [b]}\n  c: {after: [a, b], command: [c]}\n");
  REQUIRE(tasks.size() == 352);
  const TaskSpec& join = tasks.back();
  CHECK(join.name == "a[*]");
  CHECK(join.is_join());
  CHECK(join.id.number == 352);
  CHECK(join.needs == Resources{.cpus = 0});
  CHECK(join.after.size() == 200);
  CHECK(names(tasks, find(tasks, "b[7]").after) == Lines{"a[*]"});
  // Shared by all that come after the group; 150 edges need none.
  CHECK(find(tasks, "c").after.size() == 151);
  CHECK(names(tasks, find(tasks, "c").after).front() == "a[*]");
}

TEST_CASE("few after few, and one after many, have plain edges") {
  const auto few = tasks_of("tasks:\n  a: {each: {x: " + list_of(25) +
                            "}, command: [a]}\n  b: {each: {x: " + list_of(40) + "}, after: [a], command: [b]}\n");
  CHECK(few.size() == 65);
  CHECK(find(few, "b[39]").after.size() == 25);
  const auto one =
      tasks_of("tasks:\n  a: {each: {x: " + list_of(2000) + "}, command: [a]}\n  b: {after: [a], command: [b]}\n");
  CHECK(one.size() == 2001);
  CHECK(one.back().after.size() == 2000);
}

TEST_CASE("a task that takes the result of a member comes after it beside the join") {
  const auto tasks =
      tasks_of("tasks:\n  a: {each: {x: " + list_of(50) + "}, command: [a]}\n  b: {each: {x: " + list_of(50) +
               "}, after: [a], when: 'a[4] == 1', command: [b, '{a[3].loss}']}\n");
  const TaskSpec& task = find(tasks, "b[9]");
  CHECK(names(tasks, task.after) == Lines{"a[*]", "a[3]", "a[4]"});
  CHECK(names(tasks, task.inputs) == Lines{"a[3]", "a[4]"});
}

TEST_CASE("ten thousand after ten thousand are read, and cost their sum") {
  const auto tasks =
      tasks_of("tasks:\n  a: {each: {x: " + list_of(10'000) + "}, command: [a]}\n  b: {each: {x: " + list_of(10'000) +
               "}, after: [a], command: [b]}\n");
  std::size_t edges = 0;
  for (const auto& task : tasks) edges += task.after.size();
  CHECK(edges == 20'000);
}

}  // namespace
}  // namespace troupe::cli
