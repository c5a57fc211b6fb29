// Real processes: a local cluster with its supervisor, redis-server, scheduler, agent and workers.
#include "scheduler/local/cluster.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/support/folder.h"
#include "tests/support/second_agent.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using test::Folder;
using namespace std::chrono_literals;

namespace {

class Counter {
 public:
  explicit Counter(long start) : sum_(start) {}
  long add(long amount) { return sum_ += amount; }
  int pid() const { return ::getpid(); }
  void fail() { throw std::runtime_error("the counter is stuck"); }
  void wait_for(std::string file) {
    std::ofstream(file + ".awaited") << '.';
    while (!std::filesystem::exists(file)) std::this_thread::yield();
  }

 private:
  long sum_;
};

constexpr Task<int(int, int)> add{"test.add"};
constexpr Task<int(std::string)> throws{"test.throws"};
constexpr Task<void()> aborts{"test.aborts"};
constexpr Task<std::vector<float>(std::vector<float>)> doubled{"test.doubled"};
constexpr Task<int(std::string, std::string)> first_waits{"test.first_waits"};
constexpr Task<int()> not_enrolled{"test.not_enrolled"};
constexpr ActorType<Counter(long)> counter{"test.Counter"};
constexpr Method<&Counter::add> counter_add{"add"};
constexpr Method<&Counter::pid> counter_pid{"pid"};
constexpr Method<&Counter::fail> counter_fail{"fail"};
constexpr Method<&Counter::wait_for> counter_wait_for{"wait_for"};

void enroll(Catalog& catalog) {
  catalog.add(add, [](int a, int b) { return a + b; });
  catalog.add(throws, [](const std::string& what) -> int { throw std::runtime_error(what); });
  catalog.add(aborts, [] { ::raise(SIGABRT); });
  catalog.add(doubled, [](std::vector<float> values) {
    for (auto& value : values) value *= 2;
    return values;
  });
  // The first attempt tells its process and never ends; the next ones return their attempt.
  catalog.add(first_waits, [](const std::string& pid_file, const std::string& never) {
    if (std::filesystem::exists(pid_file)) return 2;
    std::ofstream(pid_file + ".new") << ::getpid();
    std::filesystem::rename(pid_file + ".new", pid_file);
    while (!std::filesystem::exists(never)) std::this_thread::yield();
    return 1;
  });
  catalog.add(counter, counter_add, counter_pid, counter_fail, counter_wait_for);
}

template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit = 20s) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

std::string text_in(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();  // A process that ends meanwhile leaves nothing to read.
  return text.str();
}

pid_t parent_of(pid_t pid) {
  const std::string stat = text_in("/proc/" + std::to_string(pid) + "/stat");
  return std::stoi(stat.substr(stat.rfind(')') + 4));
}

/// Processes of a cluster: its id stands on the command line of each.
std::set<pid_t> processes_of(const std::string& cluster) {
  std::set<pid_t> pids;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (text_in(entry.path().string() + "/cmdline").find(cluster) != std::string::npos) pids.insert(std::stoi(name));
  }
  return pids;
}

/// Nothing of the cluster is left: no process, no socket, no shared memory.
bool is_gone(const std::string& cluster, const std::string& directory) {
  if (!processes_of(cluster).empty() || std::filesystem::exists(directory)) return false;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm"))
    if (entry.path().filename().string().find(cluster) != std::string::npos) return false;
  return true;
}

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("what shared a worker with tasks that crash is not failed by them") {
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session session = cluster.connect();
  for (int i = 0; i < 100; ++i) session.get(session.submit(add, i, 1));  // They are quick, so others are given ahead.
  std::vector<Ref<int>> sound;
  std::vector<Ref<void>> crashing;
  for (int i = 0; i < 60; ++i) {
    for (int j = 0; j < 5; ++j) sound.push_back(session.submit(add, i, 1));
    crashing.push_back(session.submit(aborts));
  }
  for (const auto& each : sound) CHECK(session.try_get(each));
  for (const auto& each : crashing) CHECK(session.try_get(each).error().message.find("signal 6") != std::string::npos);
}

TEST_CASE("tasks, refs and values flow through a local cluster", "[local]") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  auto three = session.submit(add, 1, 2);
  auto ten = session.submit(add, three, session.put(7));
  CHECK(session.get(ten) == 10);
  CHECK(session.get(three) == 3);

  std::vector<float> large(300'000, 1.5f);
  const auto twice = session.get(session.submit(doubled, session.submit(doubled, large)));
  CHECK(twice == std::vector<float>(300'000, 6.0f));

  std::vector<Ref<int>> many;
  for (int i = 0; i < 500; ++i) many.push_back(session.submit(add, i, i));
  CHECK(session.wait(many, many.size(), 60s));
  for (int i = 0; i < 500; ++i) CHECK(session.get(many[static_cast<std::size_t>(i)]) == 2 * i);
}

TEST_CASE("an actor's calls run in order, and what it throws comes back", "[local]") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  auto actor = session.spawn(counter, 100L);
  std::vector<Ref<long>> sums;
  for (long i = 1; i <= 200; ++i) sums.push_back(actor.call(counter_add, i));
  for (long i = 1; i <= 200; ++i) CHECK(session.get(sums[static_cast<std::size_t>(i - 1)]) == 100 + i * (i + 1) / 2);
  const auto stuck = session.try_get(actor.call(counter_fail));
  REQUIRE_FALSE(stuck);
  CHECK(stuck.error().message.find("the counter is stuck") != std::string::npos);
  CHECK(session.get(actor.call(counter_add, 0L)) == 100 + 200 * 201 / 2);
}

TEST_CASE("what goes wrong in a task is told with its cause", "[local]") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  const auto thrown = session.submit(throws, std::string("no luck"));
  const auto after = session.submit(add, thrown, 1);
  try {
    session.get(thrown);
    FAIL("the task threw");
  } catch (const TaskFailed& failed) {
    CHECK(failed.failure().task == "test.throws");
    CHECK(failed.failure().attempt == 1);
    CHECK(failed.failure().cause.find("no luck") != std::string::npos);
  }
  CHECK(session.try_get(after).error().message.find("test.throws") != std::string::npos);

  const auto crashed = session.try_get(session.submit(aborts));
  REQUIRE_FALSE(crashed);
  CHECK(crashed.error().message.find("signal 6") != std::string::npos);

  CHECK(session.try_get(session.submit(not_enrolled)).error().message.find("test.not_enrolled") != std::string::npos);

  const auto too_large = session.try_get(session.submit({.needs = {.cpus = 64'000}}, add, 1, 1));
  REQUIRE_FALSE(too_large);
  CHECK(too_large.error().fault == Fault::refused);
  CHECK(too_large.error().message.find("64 cpus") != std::string::npos);
}

TEST_CASE("a task whose worker is killed, or stopped, runs again", "[local]") {
  const int by = GENERATE(SIGKILL, SIGSTOP);
  const Folder folder;
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  const auto attempt = session.submit({.max_attempts = 2}, first_waits, folder.file("pid"), folder.file("never"));
  REQUIRE(eventually([&] { return std::filesystem::exists(folder.file("pid")); }));
  REQUIRE(::kill(std::stoi(text_in(folder.file("pid"))), by) == 0);
  CHECK(session.get(attempt) == 2);
}

TEST_CASE("a gang starts together or not at all", "[local]") {
  const Folder folder;
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  auto holder = session.spawn({.needs = {.cpus = 1000}}, counter, 0L);
  const auto let_go = holder.call(counter_wait_for, folder.file("go"));

  // One cpu is free, two are needed: not even one of them starts.
  auto gang = session.spawn_gang({.size = 2, .each = {.needs = {.cpus = 1000}}}, counter,
                                 [](std::uint32_t rank) { return std::tuple{long{rank}}; });
  auto first = gang[0].call(counter_add, 0L);
  CHECK(session.get(session.submit({.needs = {.cpus = 0}}, add, 1, 1)) == 2);  // The cluster is not stuck.
  CHECK_FALSE(session.try_get(first, 500ms));

  std::ofstream(folder.file("go")) << '.';
  session.get(let_go);
  holder = {};
  CHECK(session.get(first) == 0);
  CHECK(session.get(gang[1].call(counter_add, 0L)) == 1);

  auto too_many = session.spawn_gang({.size = 3, .each = {.needs = {.cpus = 1000}}}, counter,
                                     [](std::uint32_t) { return std::tuple{0L}; });
  const auto refused = session.try_get(too_many[0].call(counter_add, 0L));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("cpus") != std::string::npos);
}

TEST_CASE("a killed actor is made anew, and its callers learn which calls are not known to be applied", "[local]") {
  const Folder folder;
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  auto actor = session.spawn({.max_restarts = 1}, counter, 5L);
  CHECK(session.get(actor.call(counter_add, 1L)) == 6);
  const int pid = session.get(actor.call(counter_pid));
  const auto hanging = actor.call(counter_wait_for, folder.file("never"));
  // It has begun: a call that was not sent yet would rightly go to the next incarnation.
  REQUIRE(eventually([&] { return std::filesystem::exists(folder.file("never.awaited")); }));
  REQUIRE(::kill(pid, SIGKILL) == 0);
  const auto lost = session.try_get(hanging);
  REQUIRE_FALSE(lost);
  CHECK(lost.error().fault == Fault::peer_lost);
  CHECK(lost.error().message.find("not known to have been applied") != std::string::npos);
  CHECK(session.get(actor.call(counter_add, 1L)) == 6);  // State starts again.

  REQUIRE(::kill(session.get(actor.call(counter_pid)), SIGKILL) == 0);
  REQUIRE(eventually([&] { return !session.try_get(actor.call(counter_add, 1L)); }));
}

TEST_CASE("a task whose node falls silent runs on another one, and its late first result is dropped", "[local]") {
  const Folder folder;
  auto cluster = Cluster::local({.cpus = 1000, .show_output = false});  // No thread: it forks.
  const pid_t second = test::start_second_agent(cluster);
  auto session = cluster.connect();
  const auto on_both_nodes = [&] {
    const auto both = session.spawn_gang({.size = 2, .each = {.needs = {.cpus = 1000}}}, counter,
                                         [](std::uint32_t) { return std::tuple{0L}; });
    return session.try_get(both[0].call(counter_add, 0L)) && session.try_get(both[1].call(counter_add, 0L));
  };
  REQUIRE(eventually(on_both_nodes));  // The second one joins when it is ready.
  const auto ref = session.submit(first_waits, folder.file("pid"), folder.file("go"));
  REQUIRE(eventually([&] { return std::filesystem::exists(folder.file("pid")); }));
  const pid_t silent = parent_of(std::stoi(text_in(folder.file("pid"))));
  REQUIRE(::kill(silent, SIGSTOP) == 0);
  std::ofstream(folder.file("go")) << '.';  // Its worker ends with 1, which waits in the stopped agent.
  CHECK(session.get(ref) == 2);
  REQUIRE(::kill(silent, SIGCONT) == 0);

  // It is back, with nothing running, when a gang that needs both nodes starts.
  CHECK(on_both_nodes());
  CHECK(session.get(session.submit({.needs = {.cpus = 0}}, add, ref, 0)) == 2);
  ::kill(second, SIGKILL);
  ::waitpid(second, nullptr, 0);
}

TEST_CASE("a killed scheduler is started again: what runs goes on, and new work is taken", "[local]") {
  const Folder folder;
  auto local = std::make_unique<Cluster>(Cluster::local({.cpus = 2000}));
  Cluster& cluster = *local;
  const std::string directory = cluster.directory();
  auto core = std::make_unique<Session>(cluster.connect());
  Session& session = *core;
  auto actor = session.spawn(counter, 0L);
  CHECK(session.get(actor.call(counter_add, 41L)) == 41);
  const auto running = session.submit(first_waits, folder.file("pid"), folder.file("go"));
  REQUIRE(eventually([&] { return std::filesystem::exists(folder.file("pid")); }));

  // The scheduler is the supervisor's child that listens; the agent is the parent of the worker.
  const std::string id = to_text(cluster.id().high);
  const int worker = session.get(actor.call(counter_pid));
  std::set<pid_t> forked;
  for (const pid_t pid : processes_of(id))
    if (text_in("/proc/" + std::to_string(pid) + "/cmdline").find("=supervisor") != std::string::npos)
      forked.insert(pid);
  REQUIRE(forked.size() == 3);
  const pid_t agent = parent_of(worker);
  const pid_t supervisor = parent_of(agent);
  forked.erase(agent);
  forked.erase(supervisor);
  REQUIRE(forked.size() == 1);
  REQUIRE(::kill(*forked.begin(), SIGKILL) == 0);

  CHECK(session.get(session.submit(add, 20, 22)) == 42);
  CHECK(session.get(actor.call(counter_add, 1L)) == 42);
  CHECK(session.get(actor.call(counter_pid)) == worker);
  std::ofstream(folder.file("go")) << '.';
  CHECK(session.get(running) == 1);  // The first attempt, adopted.

  core.reset();
  local.reset();
  CHECK(is_gone(id, directory));
}

TEST_CASE("workers come from a fork server, and are started anew when that dies", "[local]") {
  Cluster cluster = Cluster::local();
  Session session = cluster.connect();
  std::vector<Actor<Counter>> actors;
  std::map<pid_t, int> children;
  const auto pid_of = [&](auto& actor) {  // Of the attempt that answers.
    for (;;)
      if (const auto pid = session.try_get(actor.call(counter_pid), 20s); pid || pid.error().fault != Fault::peer_lost)
        return pid.value();
  };
  for (int i = 0; i < 8; ++i) {
    actors.push_back(session.spawn({.max_restarts = 2}, counter, 0L));
    ++children[parent_of(pid_of(actors.back()))];
  }
  const auto server = std::max_element(children.begin(), children.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
  CHECK((children.size() == 2 && server->second >= 5));  // The agent, and that.
  const auto cmdline = [](pid_t pid) { return text_in("/proc/" + std::to_string(pid) + "/cmdline"); };
  CHECK(cmdline(server->first).find("=forker") != std::string::npos);
  const std::string worker = cmdline(pid_of(actors.back()));
  CHECK((worker.find("=worker") != std::string::npos && worker.find("id=" + to_text(WorkerId{})) == std::string::npos));
  REQUIRE(::kill(server->first, SIGKILL) == 0);
  REQUIRE(eventually([&] { return ::kill(server->first, 0) != 0; }));  // Then its workers have had their signals.
  for (auto& actor : actors) CHECK(parent_of(pid_of(actor)) != server->first);
}

TEST_CASE("where fork servers are not wanted every worker is its agent's child", "[local]") {
  ::setenv("TROUPE_FORK_SERVER", "0", 1);
  Cluster cluster = Cluster::local();
  Session session = cluster.connect();
  std::deque<Actor<Counter>> actors;
  std::set<pid_t> parents;
  while (actors.size() < 4)
    parents.insert(parent_of(session.get(actors.emplace_back(session.spawn(counter, 0L)).call(counter_pid))));
  ::unsetenv("TROUPE_FORK_SERVER");
  CHECK(parents.size() == 1);
}

TEST_CASE("another driver adds tasks to a graph from a task of it that runs, and no longer", "[local]") {
  const Folder folder;
  REQUIRE(::mkfifo(folder.file("go").c_str(), 0600) == 0);
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session first = cluster.connect();
  Session second = cluster.connect();
  const JobInfo job{.id = {random_id()}, .name = "graph", .durable = true};
  const auto task = [&](std::uint32_t number, std::vector<std::string> argv) {
    return TaskSpec{.id = {job.id, number},
                    .name = "t" + std::to_string(number),
                    .work = CommandWork{.argv = std::move(argv), .task_directory = folder.file("task")}};
  };
  const ObjectPtr root = first.core().watch_task({job.id, 1}, "t1");
  REQUIRE(first.core().submit_job(job, {task(1, {"cat", folder.file("go")})}, 10s));
  REQUIRE(eventually([&] {
    const auto tasks = first.core().list_tasks(job.id, 10s);
    return tasks && tasks->front().state == TaskState::running;
  }));

  const ObjectPtr added = second.core().watch_task({job.id, 2}, "t2");
  CHECK(second.core().submit_job(job, {task(2, {"true"})}, 10s, {job.id, 1}));
  std::ofstream(folder.file("go")) << '.';
  CHECK(first.core().wait({&root, 1}, 1, std::chrono::steady_clock::now() + 10s));
  CHECK(second.core().wait({&added, 1}, 1, std::chrono::steady_clock::now() + 10s));
  const auto late = second.core().submit_job(job, {task(3, {"true"})}, 10s, {job.id, 1});
  REQUIRE_FALSE(late);
  CHECK(late.error().message.find("is not running: only while it runs may it add to its graph") != std::string::npos);
}

TEST_CASE("nothing is left behind after the end of a cluster", "[local]") {
  std::string id;
  std::string directory;
  {
    auto cluster = Cluster::local({.cpus = 2000});
    auto session = cluster.connect();
    CHECK(session.get(session.submit(add, 1, 1)) == 2);
    id = to_text(cluster.id().high);
    directory = cluster.directory();
    CHECK(processes_of(id).size() >= 5);  // Supervisor, redis-server, scheduler, agent, worker.
  }
  CHECK(is_gone(id, directory));
}

TEST_CASE("nothing is left behind after a driver that was killed, or interrupted", "[local]") {
  for (const int signal : {SIGKILL, SIGINT}) {
    int word[2];
    REQUIRE(::pipe2(word, O_CLOEXEC) == 0);
    const pid_t driver = ::fork();
    REQUIRE(driver >= 0);
    if (driver == 0) {
      ::signal(SIGINT, SIG_DFL);
      auto cluster = Cluster::local({.cpus = 2000});
      auto session = cluster.connect();
      auto actor = session.spawn(counter, 0L);
      session.get(actor.call(counter_add, 1L));
      const std::string told = to_text(cluster.id().high) + cluster.directory() + '\n';
      if (::write(word[1], told.data(), told.size()) < 0) ::_exit(1);
      for (;;) ::pause();
    }
    ::close(word[1]);
    std::string told;
    for (char next = 0; ::read(word[0], &next, 1) == 1 && next != '\n';) told += next;
    ::close(word[0]);
    const std::string id = told.substr(0, 16);
    const std::string directory = told.substr(16);
    REQUIRE(processes_of(id).size() >= 5);
    REQUIRE(::kill(driver, signal) == 0);
    ::waitpid(driver, nullptr, 0);
    CHECK(eventually([&] { return is_gone(id, directory); }));
  }
}

TEST_CASE("a driver that ignores the ends of its children has a cluster all the same", "[local]") {
  const pid_t driver = ::fork();
  REQUIRE(driver >= 0);
  if (driver == 0) {
    ::alarm(20);
    ::signal(SIGCHLD, SIG_IGN);
    int sum = 0;
    {
      auto cluster = Cluster::local({.cpus = 1000});
      auto session = cluster.connect();
      sum = session.get(session.submit(add, 1, 1));
    }
    ::_exit(sum);
  }
  int status = 0;
  REQUIRE(::waitpid(driver, &status, 0) == driver);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 2);
}

TEST_CASE("a cluster starts while its driver takes signals", "[local]") {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) {};
  ::sigaction(SIGALRM, &action, &before);
  const itimerval often{{0, 1000}, {0, 1000}};
  const itimerval never{};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  const auto cluster = Cluster::try_local({.cpus = 1000});
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
  CHECK(cluster);
}

TEST_CASE("a worker that has ended leaves no socket, nor does one whose agent was killed", "[local]") {
  const Folder folder;
  auto cluster = Cluster::local({.cpus = 1000});
  auto session = cluster.connect();
  const auto workers = [&] {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(cluster.directory())) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("w-")) names.insert(name.substr(0, name.find('.')));
    }
    return names;
  };
  CHECK_FALSE(session.try_get(session.submit(aborts)));
  CHECK(eventually([&] { return workers().empty(); }));

  const auto attempt = session.submit(first_waits, folder.file("pid"), folder.file("never"));
  REQUIRE(eventually([&] { return std::filesystem::exists(folder.file("pid")); }));
  const auto before = workers();
  CHECK(before.size() == 1);
  REQUIRE(::kill(parent_of(std::stoi(text_in(folder.file("pid")))), SIGKILL) == 0);
  CHECK(session.get(attempt) == 2);
  for (const auto& worker : before) CHECK_FALSE(workers().contains(worker));
}

TEST_CASE("a missing redis-server is one sentence that says what to do", "[local]") {
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/nowhere", 1);
  const auto cluster = Cluster::try_local({.cpus = 1000});
  ::setenv("PATH", path.c_str(), 1);
  REQUIRE_FALSE(cluster);
  CHECK(cluster.error().message.find("redis-tools") != std::string::npos);
  CHECK(cluster.error().message.find('\n') == std::string::npos);
}

TEST_CASE("a store that cannot be written is one sentence that names its folder", "[local]") {
  const auto cluster = Cluster::try_local({.cpus = 1000, .store_directory = "/proc/nowhere"});
  REQUIRE_FALSE(cluster);
  CHECK(cluster.error().message.find("/proc/nowhere") != std::string::npos);
}
