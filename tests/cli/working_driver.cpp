// A driver whose tasks and actors run, wait, and wait for each other, on the cluster of the file that it is given,
// until a line comes on stdin. It needs a node of two cpus, and prints what it began, a line each: what it is, and its
// id.
#include <chrono>
#include <filesystem>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "scheduler/local/roles.h"
#include "scheduler/local/standing.h"

using namespace troupe;

namespace {

class Counter {
 public:
  int add(int number) { return sum_ += number; }
  int wait_for(const std::string& file) const {
    // Nobody tells of a file.
    while (!std::filesystem::exists(file)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return sum_;
  }

 private:
  int sum_ = 0;
};

constexpr Task<int(std::string)> until{"working.until"};
constexpr Task<int(int)> plus_one{"working.plus_one"};
constexpr ActorType<Counter()> counter{"working.Counter"};
constexpr Method<&Counter::add> add{"add"};
constexpr Method<&Counter::wait_for> wait_for{"wait_for"};

void enroll(Catalog& catalog) {
  catalog.add(until, [](const std::string& file) {
    while (!std::filesystem::exists(file)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return 1;
  });
  catalog.add(plus_one, [](int number) { return number + 1; });
  catalog.add(counter, add, wait_for);
}

/// By its name, of what the scheduler says that it has.
std::optional<message::TaskSummary> find(Session& session, const std::string& name) {
  const auto tasks = session.tasks();
  if (!tasks) throw std::runtime_error(tasks.error().message);
  for (const auto& task : *tasks)
    if (task.name == name) return task;
  return std::nullopt;
}

bool is_running(Session& session, const std::string& name) {
  const auto task = find(session, name);
  return task && task->state == TaskState::running;
}

}  // namespace

/// Arguments: the cluster file, and a file whose appearance ends the tasks that run.
int main(int argc, char** argv) {
  play_role(argc, argv, enroll);
  const auto file = scheduler::read_cluster_file(argv[1]);
  if (!file) return 1;
  auto session = scheduler::connect(*file);
  if (!session) return 1;
  const std::string end = argv[2];

  const auto kept = session->put(std::string(1 << 20, 'x'));
  auto named = session->spawn({.name = "named", .registers_name = true}, counter);
  session->get(named.call(add, 1));
  const auto none = [](std::uint32_t) { return std::tuple<>(); };
  const auto gang = session->spawn_gang({.size = 2, .each = {.name = "member"}}, counter, none);
  for (const auto& member : gang) session->get(member.call(add, 1));
  const auto waits = gang[0].call(wait_for, end);
  auto ended = session->submit({.name = "ended"}, plus_one, 1);
  session->get(ended);  // Its Ref is there: the scheduler still knows it.
  // These two take the node.
  auto holder = session->submit({.name = "holder", .locks = {"door"}}, until, end);
  auto patient = session->submit({.name = "patient"}, until, end + ".never");
  while (!is_running(*session, "holder") || !is_running(*session, "patient"))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  auto locked = session->submit({.name = "locked", .locks = {"door"}}, until, end);
  auto behind = session->submit({.name = "behind"}, plus_one, holder);
  auto much = session->submit({.needs = {.cpus = 2000}, .name = "much"}, until, end);
  const auto wide = session->spawn_gang({.size = 2, .each = {.needs = {.cpus = 1000}, .name = "wide"}}, counter, none);
  while (!find(*session, "wide[1]")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const auto tasks = session->tasks();
  for (const auto& task : *tasks) std::cout << task.name << ' ' << to_text(task.task) << std::endl;
  std::cout << "actors " << session->actors()->size() << ", jobs " << session->jobs()->size() << std::endl;
  std::string line;
  std::getline(std::cin, line);
  const auto value = session->try_get(patient, std::chrono::milliseconds(0));
  std::cout << (value ? "done" : value.error().message) << std::endl;
  std::getline(std::cin, line);
}
