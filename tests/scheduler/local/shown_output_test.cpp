#include "scheduler/local/shown_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <mutex>
#include <regex>
#include <sstream>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

#include "runtime/worker/task_log.h"
#include "scheduler/local/cluster.h"
#include "tests/support/folder.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using namespace std::chrono_literals;
using scheduler::ShownOutput;
using test::Folder;

namespace {

class Speaker {
 public:
  int say(const std::string& text) {
    std::printf("%s\n", text.c_str());
    return ::getpid();
  }
};

constexpr Task<void(std::string)> prints{"shown.prints"};
constexpr Task<void(std::string)> dies{"shown.dies"};
constexpr Task<void(std::string)> goes_on{"shown.goes_on"};
constexpr Task<void(std::string)> has_others_print{"shown.has_others_print"};
constexpr ActorType<Speaker()> speaker{"shown.Speaker"};
constexpr Method<&Speaker::say> say{"say"};

void enroll(Catalog& catalog) {
  catalog.add(prints, [](const std::string& text) { std::cout << text; });
  catalog.add(dies, [](const std::string& text) {
    std::fprintf(stderr, "%s", text.c_str());
    std::abort();
  });
  catalog.add(goes_on, [](const std::string& text) {
    std::puts(text.c_str());
    for (;;) ::pause();
  });
  catalog.add(has_others_print, [](Context& context, const std::string& text) {
    Session& session = context.session();
    session.get(session.submit({.name = "inner"}, prints, text));
  });
  catalog.add(speaker, say);
}

template <class Condition>
bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

/// This process's stderr, as long as it lives.
class Stderr {
 public:
  Stderr() : own_(::dup(STDERR_FILENO)) {
    const Descriptor file(::open(folder_.file("stderr").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    ::dup2(file.number(), STDERR_FILENO);
  }
  ~Stderr() { ::dup2(own_.number(), STDERR_FILENO); }
  std::string text() const {
    std::ostringstream text;
    text << std::ifstream(folder_.file("stderr")).rdbuf();
    return text.str();
  }

 private:
  const Folder folder_;
  const Descriptor own_;
};

/// What is on stderr when a cluster has ended in which this was done.
std::string shown_of(const std::function<void(Session&)>& drive, const LocalOptions& options = {.cpus = 1000}) {
  const Stderr shown;
  {
    auto cluster = Cluster::local(options);
    auto session = cluster.connect();
    drive(session);
  }
  return shown.text();
}

void print_five_times(Session& session) {
  for (int i = 0; i < 5; ++i) session.get(session.submit({.name = "loud"}, prints, std::string("ready\n")));
}

/// A folder of logs, and what is shown of it.
class Watched {
 public:
  /// What a worker prints into a file that then takes its attempt's name, which is returned.
  std::string begin(const std::string& node, const LogOwner& owner) const {
    const std::string logs = folder_.file(node + "/logs/");
    std::ofstream(logs + "worker-1") << owner.name << " begins\n";
    std::filesystem::rename(logs + "worker-1", logs + log_name(owner));
    return logs + log_name(owner);
  }
  void make_node(const std::string& node) const { std::filesystem::create_directories(folder_.file(node + "/logs")); }
  std::string file(const std::string& name) const { return folder_.file(name); }
  const std::string& path() const { return folder_.path(); }

  std::function<void(std::string_view)> show() {
    return [this](std::string_view lines) {
      ++shows_;
      const std::lock_guard lock(mutex_);
      text_ += lines;
    };
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  /// As if stderr took nothing, while it is held.
  std::unique_lock<std::mutex> hold_up() { return std::unique_lock(mutex_); }
  int shows() const { return shows_; }  ///< Begun.

 private:
  const Folder folder_;
  std::mutex mutex_;
  std::string text_;
  std::atomic<int> shows_ = 0;
};

constexpr JobId own{1};
constexpr JobId other{2};

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("what tasks print is on the driver's stderr, each line with who printed it", "[shown_output]") {
  const std::string text = shown_of([](Session& session) {
    session.get(session.submit(prints, std::string("one\ntwo\nwithout an end")));
    session.get(session.submit({.name = "a/b"}, prints, std::string("three\n")));
    session.get(session.submit(prints, std::string()));
  });
  CHECK(text == "shown.prints.1 | one\nshown.prints.1 | two\nshown.prints.1 | without an end\na_b.2 | three\n");
}

TEST_CASE("repeats are folded, unless the driver or the environment wants each", "[shown_output]") {
  CHECK(shown_of(print_five_times) == "loud.1 | ready\nloud.5 | ready [4 times more, by 4 tasks]\n");
  const std::string each = "loud.1 | ready\nloud.2 | ready\nloud.3 | ready\nloud.4 | ready\nloud.5 | ready\n";
  CHECK(shown_of(print_five_times, {.cpus = 1000, .fold_output = false}) == each);
  ::setenv("TROUPE_FOLD_OUTPUT", "0", 1);
  CHECK(shown_of(print_five_times) == each);
  ::unsetenv("TROUPE_FOLD_OUTPUT");
}

TEST_CASE("nothing is shown where the driver or the environment does not want it", "[shown_output]") {
  CHECK(shown_of(print_five_times, {.cpus = 1000, .show_output = false}).empty());
  ::setenv("TROUPE_SHOW_OUTPUT", "0", 1);
  CHECK(shown_of(print_five_times).empty());
  ::unsetenv("TROUPE_SHOW_OUTPUT");
}

TEST_CASE("of a task that prints much at once the beginning is shown", "[shown_output]") {
  std::string much;
  for (int i = 1; i <= 1000; ++i) much += std::to_string(i) + '\n';
  const std::string text = shown_of([&](Session& session) { session.get(session.submit(prints, much)); });
  CHECK(text.ends_with(".1 | 200\nshown.prints.1 | ... 800 lines more (troupe logs shows all)\n"));
}

TEST_CASE("an actor's lines have its name, and are shown while it lives", "[shown_output]") {
  const Stderr shown;
  auto cluster = Cluster::local({.cpus = 1000});
  auto session = cluster.connect();
  auto actor = session.spawn({.name = "ann"}, speaker);
  for (const std::string text : {"hello", "how are you"}) {
    session.get(actor.call(say, text));
    CHECK(eventually([&] { return shown.text().ends_with("ann.1 | " + text + '\n'); }));
  }
}

TEST_CASE("an actor's lines are shown, however short the driver's life", "[shown_output]") {
  const std::string text = shown_of([](Session& session) {
    auto actor = session.spawn({.name = "ann"}, speaker);
    session.get(actor.call(say, std::string("hello")));
  });
  CHECK(text == "ann.1 | hello\n");
}

TEST_CASE("the last lines of a task that dies are shown", "[shown_output]") {
  const std::string text = shown_of([](Session& session) {
    CHECK_FALSE(session.try_get(session.submit({.name = "crash"}, dies, std::string("the last\nwords"))));
  });
  CHECK(text == "crash.1 | the last\ncrash.1 | words\n");
}

TEST_CASE("the lines of a task that goes on are shown meanwhile", "[shown_output]") {
  const Stderr shown;
  auto cluster = Cluster::local({.cpus = 1000});
  auto session = cluster.connect();
  const auto running = session.submit(goes_on, std::string("it begins"));
  CHECK(eventually([&] { return shown.text() == "shown.goes_on.1 | it begins\n"; }));
}

TEST_CASE("what tasks print that a task has started is shown", "[shown_output]") {
  const std::string text =
      shown_of([](Session& session) { session.get(session.submit(has_others_print, std::string("from inside\n"))); });
  CHECK(text == "inner.1 | from inside\n");
}

TEST_CASE("actors that share a worker are shown under the name of one of them", "[shown_output]") {
  const std::string text = shown_of([](Session& session) {
    std::vector<Actor<Speaker>> actors;
    for (int i = 0; i < 9; ++i) actors.push_back(session.spawn({.name = "member", .shares_worker = true}, speaker));
    for (int i = 0; i < 9; ++i) session.get(actors[static_cast<std::size_t>(i)].call(say, "line " + std::to_string(i)));
  });
  for (int i = 0; i < 9; ++i)
    CHECK(std::regex_search(text, std::regex("member\\*\\.\\d \\| line " + std::to_string(i) + "\n")));
}

TEST_CASE("a driver of a cluster that stands is shown its own, of all nodes, with their names", "[shown_output]") {
  Watched watched;
  const auto is_shown = [&](const std::string& expected) {
    return eventually([&] { return watched.text() == expected; });
  };
  watched.make_node("head");
  watched.begin("head", {{own, 1}, {1, 1}, "before"});
  std::string expected;
  {
    const ShownOutput output({.members = watched.path(), .job = own, .show = watched.show()});
    watched.begin("head", {{other, 1}, {1, 1}, "foreign"});
    const std::string log = watched.begin("head", {{own, 2}, {1, 1}, "long"});
    CHECK(is_shown(expected += "before.1 | before begins\nlong.2 | long begins\n"));
    watched.make_node("second");
    watched.begin("second", {{own, 3}, {1, 1}, "later"});
    CHECK(is_shown(expected += "later.3 on second | later begins\n"));
    // In a log that was rotated, too.
    std::ofstream(log, std::ios::app) << "the end of a ";
    std::filesystem::rename(log, older_log(log));
    std::ofstream(log) << "line\n";
    CHECK(is_shown(expected += "long.2 | the end of a line\n"));
    std::filesystem::create_directories(watched.file("third"));
    std::ofstream(watched.file("third/lock")) << '.';
    watched.make_node("third");
    watched.begin("third", {{own, 4}, {1, 1}, "last"});
  }
  CHECK(watched.text() == expected + "last.4 on third | last begins\n");
}

TEST_CASE("where more is printed than can be followed a line says so, and what is followed goes on", "[shown_output]") {
  std::size_t most_events = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> most_events;
  REQUIRE(most_events > 0);
  Watched watched;
  watched.make_node("local");
  {
    const ShownOutput output({.logs = watched.file("local/logs"), .show = watched.show()});
    std::ofstream log(watched.begin("local", {{own, 1}, {1, 1}, "long"}), std::ios::app);
    CHECK(eventually([&] { return watched.text() == "long.1 | long begins\n"; }));
    const auto held_up = watched.hold_up();
    const int shows = watched.shows();
    log << "it goes on" << std::endl;
    CHECK(eventually([&] { return watched.shows() > shows; }));
    for (std::size_t i = 0; i <= most_events; ++i)
      std::ofstream(watched.file("local/logs/worker-" + std::to_string(i % 2)), std::ios::app) << '.';
    log << "to the end" << std::endl;
  }
  CHECK(watched.text().find("troupe: more was printed than could be followed") != std::string::npos);
  CHECK(watched.text().ends_with("long.1 | to the end\n"));
}

TEST_CASE("where nothing can be watched it is said why", "[shown_output]") {
  Watched watched;
  const ShownOutput output({.logs = watched.file("nowhere"), .show = watched.show()});
  CHECK(watched.text().starts_with("troupe: what tasks print is not shown: cannot watch " + watched.file("nowhere") +
                                   ": No such file or directory"));
}
