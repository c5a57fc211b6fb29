// A service between a store and a network in memory, told step by step.
#include "scheduler/service/service.h"

#include <chrono>
#include <optional>
#include <thread>

#include <catch2/catch.hpp>

#include "runtime/base/clip.h"
#include "runtime/wire/memory_transport.h"
#include "scheduler/service/translate.h"
#include "scheduler/store/memory_task_store.h"

using namespace troupe;
using namespace troupe::scheduler;

namespace {

constexpr ClusterId cluster{0x1111, 0x2222};

/// Somebody who talks to it.
class Peer {
 public:
  Peer(MemoryNetwork& network, StoreAge seen) : transport_(network.make_transport()), seen_(seen) {
    service_ = *transport_->connect("scheduler");
  }
  void says(const message::Message& message) {
    outbox_.post(service_, {seen_.cluster, seen_.epoch, 1, seen_.commit_seq}, message);
    outbox_.flush(*transport_);
  }
  void has_heard_of(std::uint32_t epoch) { seen_.epoch = epoch; }
  /// All messages of one kind that have come.
  template <class Kind>
  std::vector<Kind> hears() {
    for (const auto& delivery : transport_->receive(std::chrono::steady_clock::now())) {
      auto letters = decode(delivery.frame);
      REQUIRE(letters);
      for (auto& message : letters->messages) heard_.push_back(std::move(message));
    }
    std::vector<Kind> some;
    for (const auto& message : heard_)
      if (const auto* kind = std::get_if<Kind>(&message)) some.push_back(*kind);
    return some;
  }

 private:
  std::unique_ptr<Transport> transport_;
  StoreAge seen_;
  PeerId service_;
  Outbox outbox_;
  std::vector<message::Message> heard_;
};

struct World {
  MemoryNetwork network;
  MemoryDisk disk;
  MemoryTaskStore store{disk};
  std::unique_ptr<Transport> transport = network.make_transport();
  Service service;

  explicit World(Settings settings = {})
      : service({.address = [](std::uint32_t) { return "scheduler"; },
                 .announce = [](std::uint32_t) {},
                 .cluster = cluster,
                 .settings = settings},
                store, *transport) {
    REQUIRE(service.start());
  }
  Result<void> turn() {
    transport->wake();
    return service.run([turns = 0]() mutable { return turns++ == 1; });
  }
  void turns() {
    for (int i = 0; i < 3; ++i) REQUIRE(turn());
  }
  Peer peer(StoreAge seen = {cluster, 1}) { return Peer(network, seen); }
};

constexpr JobId graph{0x77};
message::DriverHello hello(std::uint64_t driver) { return {DriverId{driver}, {.id = {driver}, .name = "driver"}}; }
message::Submit submit() {
  return {1,
          {.id = graph, .name = "graph", .durable = true},
          {TaskSpec{.id = {graph, 1}, .name = "task", .work = CommandWork{.argv = {"true"}}}},
          {}};
}
message::AgentHeartbeat heartbeat() { return {NodeId{9}, 1, {}}; }

}  // namespace

TEST_CASE("who asks for tasks is told of none that are not on disk yet", "[service]") {
  World world;
  Peer driver = world.peer();
  Peer reader = world.peer();
  driver.says(hello(1));
  reader.says(hello(2));
  world.turns();
  world.disk.holds_answers = true;
  driver.says(submit());
  world.turns();
  reader.says(message::AskTasks{5, graph});
  reader.says(message::AskStatus{6});
  world.turns();
  CHECK(driver.hears<message::Answer>().empty());
  CHECK(reader.hears<message::TaskList>().empty());
  CHECK(reader.hears<message::ClusterStatus>().size() == 1);  // It shows nodes, and what is on disk by its number.

  world.disk.holds_answers = false;
  world.turns();
  REQUIRE(driver.hears<message::Answer>().size() == 1);
  const auto lists = reader.hears<message::TaskList>();
  REQUIRE(lists.size() == 1);
  CHECK((lists[0].request == 5 && lists[0].tasks.size() == 1));
  reader.says(message::AskTasks{7, graph});
  REQUIRE(world.turn());
  CHECK(reader.hears<message::TaskList>().size() == 2);  // Where nothing waits.
}

TEST_CASE("a driver whose process has ended has left, long before it would be taken for silent", "[service]") {
  constexpr std::chrono::seconds silence{12};  // After which anybody has left.
  World world({.driver_timeout = silence});
  std::optional<Peer> driver = world.peer();
  Peer reader = world.peer();
  driver->says(hello(1));
  reader.says(hello(2));
  const auto jobs = [&] {
    reader.says(hello(2));
    reader.says(message::AskJobs{5});
    world.turns();
    return reader.hears<message::JobList>().back().jobs.size();
  };
  REQUIRE(jobs() == 2);
  driver.reset();
  const auto begin = std::chrono::steady_clock::now();
  while (jobs() == 2 && std::chrono::steady_clock::now() - begin < silence * 3 / 4)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // It looks at times.
  CHECK(jobs() == 1);
}

TEST_CASE("the tasks of a large graph are told in pages", "[service]") {
  World world;
  Peer driver = world.peer();
  driver.says(hello(1));
  message::Submit large = submit();
  for (std::uint32_t number = 2; number <= 70'000; ++number) {
    large.tasks.push_back(large.tasks.front());
    large.tasks.back().id.number = number;
  }
  driver.says(large);
  world.turns();
  message::AskTasks ask{.job = graph};
  std::size_t told = 0;
  for (bool goes_on = true; goes_on;) {
    ++ask.request;
    driver.says(ask);
    world.turns();
    const auto lists = driver.hears<message::TaskList>();
    REQUIRE(lists.size() == ask.request);
    const message::TaskList& page = lists.back();
    CHECK(page.tasks.size() < 10'000);
    CHECK(page.tasks.front().task.number == told + 1);
    told += page.tasks.size();
    goes_on = page.goes_on;
    ask.first = page.next;
  }
  CHECK(told == 70'000);
}

TEST_CASE("why an attempt failed is kept to a length that somebody will read", "[service]") {
  Letter letter{{cluster, 1},
                message::Report{NodeId{9}, 1, {.end = AttemptEnd::failed, .cause = {1, 0, Bytes(1u << 20, 'x')}}}};
  const auto event = event_of(std::move(letter), cluster, 1, {});
  const std::string& cause = std::get<AttemptEnded>(*event).report.cause.message;
  CHECK(cause.size() <= most_cause_bytes);
  CHECK_THAT(cause, Catch::Contains("x... (of 1048576 bytes) ...x"));
  CHECK(clipped("\u00e9\u00e9" + std::string(100, '-') + "\u00e9\u00e9", 28) == "\u00e9... (of 108 bytes) ...\u00e9");
}

TEST_CASE("tasks of a driver that has not heard of this scheduler yet are not taken", "[service]") {
  World world;
  Peer driver = world.peer({cluster, 0});
  driver.says(hello(1));
  driver.says(submit());
  world.turns();
  CHECK(driver.hears<message::DriverWelcome>().size() == 1);
  CHECK(driver.hears<message::Answer>().empty());
  driver.has_heard_of(1);
  driver.says(submit());
  world.turns();
  CHECK(driver.hears<message::Answer>().size() == 1);
}

TEST_CASE("a driver that names a newer store is not heard, and nobody else suffers from it", "[service]") {
  World world;
  Peer liar = world.peer({cluster, 99, 0});
  Peer other = world.peer({cluster, 1, 99});
  Peer driver = world.peer();
  liar.says(hello(1));
  other.says(hello(2));
  driver.says(hello(3));
  world.turns();
  CHECK(liar.hears<message::DriverWelcome>().empty());
  CHECK(other.hears<message::DriverWelcome>().empty());
  CHECK(driver.hears<message::DriverWelcome>().size() == 1);
}

TEST_CASE("an agent that has seen more of the store ends its scheduler", "[service]") {
  const StoreAge seen = GENERATE(StoreAge{cluster, 1, 99}, StoreAge{cluster, 99, 0});
  World world;
  Peer agent = world.peer(seen);
  agent.says(heartbeat());
  Result<void> ended;
  for (int i = 0; i < 3 && ended; ++i) ended = world.turn();
  REQUIRE_FALSE(ended);
  CHECK_THAT(ended.error().message, Catch::Contains("is older than what was seen"));
  CHECK(agent.hears<message::HeartbeatTaken>().empty());
}
