// What may be said about a task beside what it runs, through real processes.
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"
#include "tests/support/folder.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using test::Folder;
using namespace std::chrono_literals;

namespace {

constexpr Task<void(std::string, std::string)> tells{"options.tells"};
constexpr Task<void(std::string)> waits_for{"options.waits_for"};
constexpr Task<void()> aborts{"options.aborts"};
/// Its process, its working directory, the variable FLAVOUR, its niceness.
constexpr Task<std::vector<std::string>()> surroundings{"options.surroundings"};

/// What it was granted: OMP_NUM_THREADS, CUDA_VISIBLE_DEVICES, how many processors it may use, its process. When both
/// files are there it goes on.
constexpr Task<std::vector<std::string>(std::string, std::string)> granted{"options.granted"};

class Placed {
 public:
  explicit Placed(Context& context) : context_(context) {}
  std::string directory() const { return std::filesystem::current_path().string(); }
  NodeId node() const { return context_.node(); }
  ActorHandle<Placed> self() const { return context_.self<Placed>(); }

 private:
  Context& context_;
};
constexpr ActorType<Placed()> placed{"options.Placed"};
constexpr Method<&Placed::directory> directory_of{"directory"};
constexpr Method<&Placed::node> node_of{"node"};
constexpr Method<&Placed::self> self_of{"self"};
constexpr Task<NodeId()> own_node{"options.own_node"};

void append(const std::string& file, const std::string& word) { std::ofstream(file, std::ios::app) << word << ' '; }

std::string text_in(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

void enroll(Catalog& catalog) {
  // Gives another time to come between the two words.
  catalog.add(tells, [](const std::string& file, const std::string& word) {
    append(file, word);
    std::this_thread::sleep_for(20ms);
    append(file, word);
  });
  catalog.add(waits_for, [](const std::string& file) {
    append(file + ".awaited", "x");
    while (!std::filesystem::exists(file)) std::this_thread::sleep_for(1ms);
  });
  catalog.add(aborts, [] { ::raise(SIGABRT); });
  catalog.add(surroundings, [] {
    const char* flavour = std::getenv("FLAVOUR");
    return std::vector<std::string>{std::to_string(::getpid()), std::filesystem::current_path().string(),
                                    flavour == nullptr ? "none" : flavour,
                                    std::to_string(::getpriority(PRIO_PROCESS, 0))};
  });
  catalog.add(granted, [](const std::string& own, const std::string& other) {
    append(own, "x");
    while (!std::filesystem::exists(other)) std::this_thread::sleep_for(1ms);  // Nobody tells of a file.
    const auto variable = [](const char* name) {
      const char* value = std::getenv(name);
      return std::string(value == nullptr ? "not set" : value);
    };
    cpu_set_t usable;
    const int count = ::sched_getaffinity(0, sizeof usable, &usable) == 0 ? CPU_COUNT(&usable) : 0;
    return std::vector{variable("OMP_NUM_THREADS"), variable("CUDA_VISIBLE_DEVICES"), std::to_string(count),
                       std::to_string(::getpid())};
  });
  catalog.add(placed, directory_of, node_of, self_of);
  catalog.add(own_node, [](const Context& context) { return context.node(); });
}

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("what has the higher priority goes first", "[local]") {
  const Folder folder;
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto gate = session.submit(waits_for, folder.file("gate"));
  while (!std::filesystem::exists(folder.file("gate.awaited"))) std::this_thread::sleep_for(1ms);
  const std::vector<Ref<void>> both{session.submit({.name = "low"}, tells, folder.file("said"), "low"),
                                    session.submit({.priority = 1}, tells, folder.file("said"), "high")};
  // Both are with the scheduler when what came after them has been answered.
  session.get(session.submit({.needs = {.cpus = 0}}, tells, folder.file("other"), "x"));
  append(folder.file("gate"), "open");
  session.get_all(both);
  CHECK(text_in(folder.file("said")) == "high high low low ");
}

TEST_CASE("a local cluster has the devices, named resources and labels that it is given", "[local]") {
  const auto capacity = local_capacity({.gpus = {{.index = 0}, {.index = 1}},
                                        .named = {{"seat", 2000}, {"door", 1}},
                                        .labels = {{"disk", "nvme"}, {"area", "north"}}});
  CHECK(capacity.gpus.size() == 2);
  CHECK(capacity.named == NamedAmounts{{"door", 1}, {"seat", 2000}});
  CHECK(capacity.labels == Labels{{"area", "north"}, {"disk", "nvme"}});

  Cluster cluster = Cluster::local(
      {.cpus = 2000, .gpus = {{.index = 3}}, .named = {{"seat", 1000}, {"door", 1}}, .labels = {{"disk", "nvme"}}});
  Session session = cluster.connect();
  const auto ends_with = [&](const Resources& needs) {
    const auto ended = session.try_get(session.submit({.needs = needs}, surroundings), 20s);
    return ended ? "an answer" : ended.error().message;
  };
  CHECK(ends_with({.gpus = 1000}) == "an answer");
  CHECK(ends_with({.named = {{"door", 1}, {"seat", 1000}}, .labels = {{"disk", "nvme"}}}) == "an answer");
  CHECK_THAT(ends_with({.named = {{"seat", 1001}}}), Catch::Contains("seat"));
  CHECK_THAT(ends_with({.labels = {{"disk", "tape"}}}), Catch::Contains("tape"));
}

TEST_CASE("a worker computes on what its task was granted, whether it was started or forked") {
  const Folder folder;
  cpu_set_t usable;
  REQUIRE(::sched_getaffinity(0, sizeof usable, &usable) == 0);
  const int count = CPU_COUNT(&usable);
  Cluster cluster = Cluster::local({.cpus = 1000 * count, .gpus = {{.index = 3}, {.index = 5}}});
  Session session = cluster.connect();
  for (const int round : {1, 2}) {  // The first worker is started, and is the one from which others are forked.
    const std::string file = folder.file(std::to_string(round));
    const Resources half{.cpus = 500 * count, .gpus = 1000};
    const auto one = session.submit({.needs = half}, granted, file + "a", file + "b");
    const auto both =
        session.get_all(std::vector{one, session.submit({.needs = half}, granted, file + "b", file + "a")});
    CHECK(both[0][3] != both[1][3]);
    CHECK(std::set{both[0][1], both[1][1]} == std::set<std::string>{"3", "5"});
    const auto all = session.get(session.submit({.needs = {.cpus = 1000 * count}}, granted, file + "c", file + "c"));
    CHECK(all[1].empty());
    CHECK((all[0] == std::to_string(count) && all[2] == std::to_string(count)));
    if (count % 2 != 0) continue;
    for (const auto& each : both) CHECK((each[0] == std::to_string(count / 2) && each[2] == std::to_string(count / 2)));
  }
}

TEST_CASE("code knows its node, and an actor its own handle") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto actor = session.spawn(placed);
  const NodeId node = session.get(actor.call(node_of));
  CHECK(node);
  CHECK(session.get(session.submit(own_node)) == node);
  const auto status = session.status();
  REQUIRE((status && status->nodes.size() == 1));
  CHECK(status->nodes[0].node == node);
  const auto self = session.get(actor.call(self_of));
  CHECK(self.task == actor.handle().task);
  Session other = cluster.connect();
  CHECK(other.get(other.attach(self).call(node_of)) == node);
}

TEST_CASE("a local cluster that makes no sense is refused before anything starts", "[local]") {
  const auto refusal = [](const LocalOptions& options) {
    const auto cluster = Cluster::try_local(options);
    REQUIRE_FALSE(cluster);
    CHECK(cluster.error().fault == Fault::bad_input);
    return cluster.error().message;
  };
  CHECK(refusal({.named = {{"seat", 1}, {"seat", 2}}}) == "a local cluster: 'seat' is there twice");
  CHECK(refusal({.labels = {{"disk", "b"}, {"disk", "a"}}}) == "a local cluster: the label 'disk' is there twice");
  CHECK(refusal({.labels = {{"node", "mine"}}}) ==
        "a local cluster: the label 'node' is the node's own: choose another name");
  CHECK(refusal({.gpus = {{.index = 1}, {.index = 1}}}) == "a local cluster: gpu 1 is there twice");
}

TEST_CASE("tasks that ask for the same lock run one after the other", "[local]") {
  const Folder folder;
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session session = cluster.connect();
  std::vector<Ref<void>> all;
  for (const char* word : {"a", "b", "c", "d"})
    all.push_back(session.submit({.locks = {"page"}}, tells, folder.file("said"), word));
  session.get_all(all);
  std::istringstream words(text_in(folder.file("said")));
  int pairs = 0;
  for (std::string first, second; words >> first >> second; ++pairs) CHECK(first == second);
  CHECK(pairs == 4);
}

TEST_CASE("a failure is tried again where it is one of those that were named", "[local]") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto attempts = [&](std::int32_t signal) {
    try {
      session.get(session.submit({.max_attempts = 3, .retry_delay = 1ms, .retry_on_signals = {signal}}, aborts));
    } catch (const TaskFailed& failed) {
      return failed.failure().attempt;
    }
    return 0u;
  };
  CHECK(attempts(SIGKILL) == 1);
  CHECK(attempts(SIGABRT) == 3);
}

TEST_CASE("a task that is cancelled ends, whether it runs or waits", "[local]") {
  const Folder folder;
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto running = session.submit(waits_for, folder.file("never"));
  const auto waiting = session.submit(tells, folder.file("said"), "x");
  while (!std::filesystem::exists(folder.file("never.awaited"))) std::this_thread::sleep_for(1ms);
  for (const auto& ref : {waiting, running}) {
    session.cancel(ref);
    const auto ended = session.try_get(ref, 20s);
    REQUIRE_FALSE(ended);
    CHECK(ended.error().fault == Fault::cancelled);
  }
  session.get(session.submit({.needs = {.cpus = 1000}}, tells, folder.file("other"), "y"));
  CHECK(text_in(folder.file("said")).empty());
}

TEST_CASE("a task runs in the environment that it asks for, in a process that serves only such", "[local]") {
  const Folder folder;
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const TaskOptions sweet{
      .environment = {.working_directory = folder.file(""), .variables = {{"FLAVOUR", "sweet"}}, .niceness = 5}};
  const auto usual = session.get(session.submit(surroundings));
  const auto once = session.get(session.submit(sweet, surroundings));
  const auto again = session.get(session.submit(sweet, surroundings));
  CHECK(usual[2] == "none");
  CHECK(once[0] != usual[0]);
  CHECK(once[0] == again[0]);
  CHECK(std::filesystem::equivalent(once[1], folder.file("")));
  CHECK(once[2] == "sweet");
  CHECK(once[3] == "5");
  const auto actor = session.spawn({.environment = {.working_directory = folder.file("")}}, placed);
  CHECK(std::filesystem::equivalent(session.get(actor.call(directory_of)), folder.file("")));

  const TaskOptions leaks{.environment = {.max_tasks = 2}};
  std::vector<Ref<std::vector<std::string>>> ten;
  for (int i = 0; i < 10; ++i) ten.push_back(session.submit(leaks, surroundings));
  std::map<std::string, int> tasks_of;
  for (const auto& ref : ten) ++tasks_of[session.get(ref)[0]];
  CHECK(tasks_of.size() == 5);
  CHECK(std::all_of(tasks_of.begin(), tasks_of.end(), [](const auto& each) { return each.second == 2; }));

  const auto nowhere =
      session.try_get(session.submit({.environment = {.working_directory = "/no/such"}}, surroundings), 20s);
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().fault == Fault::task_failed);
  const auto odd = session.try_get(session.submit({.environment = {.niceness = 40}}, surroundings), 20s);
  REQUIRE_FALSE(odd);
  CHECK_THAT(odd.error().message, Catch::Contains("niceness is 40: expected 0 to 19"));
}
