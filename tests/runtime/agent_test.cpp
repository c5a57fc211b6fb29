// An agent with real processes, whose scheduler is played.
#include "runtime/agent/agent.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include <catch2/catch.hpp>

#include "runtime/agent/seen_file.h"
#include "runtime/base/abi.h"
#include "runtime/wire/memory_transport.h"
#include "runtime/wire/message_codec.h"
#include "tests/support/folder.h"

namespace troupe {
namespace {

constexpr ClusterId cluster{0x1111, 0x2222};
constexpr std::chrono::seconds limit{30};

/// The scheduler's end of the network, by hand.
class Played {
 public:
  explicit Played(MemoryNetwork& network) : transport_(network.make_transport()) {
    REQUIRE(transport_->listen("scheduler"));
  }
  void says(std::uint32_t epoch, const message::Message& message) {
    transport_->send(agent_, encode({cluster, epoch, epoch, 0}, message));
  }
  /// Waits for the next message of a kind; answers no heartbeat.
  template <class Kind>
  Kind hears() {
    for (const auto end = std::chrono::steady_clock::now() + limit; std::chrono::steady_clock::now() < end;) {
      for (auto& delivery : transport_->receive(end)) {
        agent_ = delivery.from;
        const auto letters = decode(delivery.frame);
        REQUIRE(letters);
        for (const auto& message : letters->messages)
          if (const auto* kind = std::get_if<Kind>(&message)) return *kind;
      }
    }
    FAIL("it says nothing of the kind");
    return {};
  }

 private:
  std::unique_ptr<Transport> transport_;
  PeerId agent_;
};

}  // namespace

TEST_CASE("an agent starts nothing for a scheduler of a new epoch until that epoch is on its disk", "[agent]") {
  const test::Folder folder;
  MemoryNetwork network;
  Played scheduler(network);
  const int stop = ::eventfd(0, EFD_CLOEXEC);
  const AgentOptions options{
      .cluster = cluster,
      .node = NodeId{5},
      .incarnation = 1,
      .name = "node",
      .capacity = {.cpus = 4000},
      .scheduler_address = "scheduler",
      .active_scheduler = [] { return ""; },
      .own_address = "agent",
      .worker_address = [](WorkerId) { return ""; },
      .worker_arguments = [](const std::string&, WorkerId) { return std::vector<std::string>(); },
      .on_welcome = [] {},
      .seen_file = folder.file("member/seen"),  // Its folder is not there: it cannot be written.
      .stop = stop};
  Result<void> ended = Error{};
  std::thread agent([&] {
    const auto transport = network.make_transport();
    ended = run_agent(options, *transport);
  });
  scheduler.hears<message::AgentJoin>();
  scheduler.says(3, message::AgentWelcome{});
  const TaskId task{JobId{1}, 1};
  const std::string trace = folder.file("trace");
  scheduler.says(3, message::Run{{.task = task,
                                  .attempt = {3, 1},
                                  .work = CommandWork{.argv = {"/bin/sh", "-c", "echo x >> " + trace},
                                                      .task_directory = folder.file("task")},
                                  .grant = {.cpus = 1000}}});
  // What comes after the order is obeyed, and it is not.
  const TaskId other{JobId{1}, 2};
  scheduler.says(3, message::Stop{other, {3, 1}});
  CHECK(scheduler.hears<message::Report>().report.task == other);
  for (const auto& running : scheduler.hears<message::AgentHeartbeat>().running) CHECK(running.task == other);
  CHECK_FALSE(std::filesystem::exists(trace));

  std::filesystem::create_directory(folder.file("member"));
  message::Report told;
  while (told.report.task != task) told = scheduler.hears<message::Report>();
  INFO(told.report.cause.message);
  CHECK(std::filesystem::exists(trace));
  CHECK(SeenFile::read(options.seen_file, cluster).epoch == 3);
  ::eventfd_write(stop, 1);
  agent.join();
  CHECK(ended);
  ::close(stop);
}

TEST_CASE("a worker of another ABI version is not let in, and its attempt fails with a sentence that names both",
          "[agent]") {
  MemoryNetwork network;
  Played scheduler(network);
  const auto worker = network.make_transport();
  const auto own_agent = worker->connect("agent");
  REQUIRE(own_agent);
  const int stop = ::eventfd(0, EFD_CLOEXEC);
  const AgentOptions options{
      .cluster = cluster,
      .node = NodeId{5},
      .incarnation = 1,
      .name = "node",
      .capacity = {.cpus = 4000},
      .scheduler_address = "scheduler",
      .active_scheduler = [] { return ""; },
      .own_address = "agent",
      .worker_address = [](WorkerId) { return ""; },
      // The process is there to be killed; the test speaks for it.
      .worker_arguments =
          [&](const std::string&, WorkerId id) {
            worker->send(*own_agent, encode({cluster, 3, 9, 0}, message::WorkerHello{id, abi_version + 1}));
            return std::vector<std::string>{"/bin/sleep", "600"};
          },
      .on_welcome = [] {},
      .stop = stop};
  Result<void> ended = Error{};
  std::thread agent([&] {
    const auto transport = network.make_transport();
    ended = run_agent(options, *transport);
  });
  scheduler.hears<message::AgentJoin>();
  scheduler.says(3, message::AgentWelcome{});
  scheduler.says(
      3, message::Run{
             {.task = {JobId{1}, 1}, .attempt = {3, 1}, .work = FunctionWork{"work", {}}, .grant = {.cpus = 1000}}});
  const auto report = scheduler.hears<message::Report>().report;
  CHECK(report.end == AttemptEnd::failed);
  CHECK(report.cause.message == "its program has ABI version " + std::to_string(abi_version + 1) +
                                    " of Troupe, expected " + std::to_string(abi_version) +
                                    ", as its agent has: build both with the same version of Troupe");
  ::eventfd_write(stop, 1);
  agent.join();
  CHECK(ended);
  ::close(stop);
}

}  // namespace troupe
