// A graph as a value: what is handed over, before anybody is asked.
#include "runtime/api/task_graph.h"

#include <catch2/catch.hpp>

#include "runtime/api/graph_messages.h"

using namespace troupe;

namespace {

constexpr Task<std::string(std::string)> read_file{"read"};
constexpr Task<int(std::string, int, std::string)> compare{"compare"};
constexpr Task<void(int)> report{"report"};

}  // namespace

TEST_CASE("a task comes after those whose results it takes, each once", "[graph]") {
  TaskGraph graph("g");
  const auto left = graph.add(read_file, "left");
  const auto right = graph.add({.name = "second", .priority = 3}, read_file, "right");
  const auto same = graph.add(compare, left, 7, left);
  const auto last = graph.add(report, same);
  graph.order(right, last);
  graph.order(right, last);
  CHECK(graph.to_text() == "1 read\n2 second\n3 compare after 1\n4 report after 3, 2\n");

  const auto& tasks = graph.tasks();
  REQUIRE(tasks.size() == 4);
  CHECK(tasks[1].priority == 3);
  const auto& work = std::get<FunctionWork>(tasks[2].work);
  CHECK(work.function == "compare");
  CHECK(work.arguments == std::vector<Argument>{InputRef{0}, encode_value(7), InputRef{0}});
  CHECK(tasks[2].inputs.as_vector() == std::vector<TaskId>{{{}, 1}});
  CHECK(tasks[3].after == std::vector<TaskId>{{{}, 3}, {{}, 2}});
  CHECK(tasks[3].inputs.as_vector() == std::vector<TaskId>{{{}, 3}});
}

TEST_CASE("a graph's task has no deadline, and is told so", "[graph]") {
  TaskGraph graph("g");
  CHECK_THROWS_WITH(graph.add({.deadline = std::chrono::seconds(1)}, read_file, "left"),
                    Catch::Contains("task 'read' of a graph has a deadline"));
  CHECK(graph.tasks().empty());
}

TEST_CASE("a graph that is too large for a message goes in several, and no task before what it comes after",
          "[graph]") {
  TaskGraph graph("g");
  const std::string page(9u << 20, 'x');
  auto before = graph.add(read_file, page);
  for (int i = 0; i < 9; ++i) {
    const auto next = graph.add(read_file, page);
    graph.order(before, next);
    before = next;
  }
  std::vector<TaskId> handed;
  const auto messages = in_messages(graph.tasks());
  CHECK(messages.size() == 4);
  for (const auto& message : messages) {
    std::size_t bytes = 0;
    for (const TaskSpec& task : message) {
      bytes += std::get<Bytes>(std::get<FunctionWork>(task.work).arguments.front()).size();
      for (const TaskId earlier : task.after) CHECK(std::find(handed.begin(), handed.end(), earlier) != handed.end());
      handed.push_back(task.id);
    }
    CHECK(bytes <= 32u << 20);
  }
  CHECK(handed.size() == 10);
}

TEST_CASE("of a graph in many messages a gang is in one, and tasks that wait for each other are not left out",
          "[graph]") {
  const auto task = [](std::uint32_t number, std::vector<TaskId> after) {
    return TaskSpec{.id = {{}, number},
                    .name = std::to_string(number),
                    .work = FunctionWork{"f", {Bytes(5u << 20, 'x')}},
                    .after = std::move(after)};
  };
  std::vector<TaskSpec> tasks;
  for (std::uint32_t number = 1; number <= 12; ++number) tasks.push_back(task(number, {}));
  for (std::uint32_t rank = 0; rank < 3; ++rank)
    tasks[4 * rank].gang.emplace(GangHint{.gang = 1, .size = 3, .rank = rank});
  tasks.push_back(task(13, {{{}, 14}}));
  tasks.push_back(task(14, {{{}, 13}}));
  std::size_t handed = 0;
  std::vector<std::size_t> members;
  const auto messages = in_messages(tasks);
  CHECK(messages.size() > 2);
  for (const auto& message : messages) {
    CHECK(check_size(message));
    handed += message.size();
    const auto count = std::count_if(message.begin(), message.end(), [](const auto& each) { return bool(each.gang); });
    if (count > 0) members.push_back(static_cast<std::size_t>(count));
  }
  CHECK(handed == tasks.size());
  CHECK(members == std::vector<std::size_t>{3});
  CHECK_FALSE(check_size(tasks));
}
