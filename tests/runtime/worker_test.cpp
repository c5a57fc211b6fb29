// A worker in this process, given its orders by hand.
#include "runtime/worker/worker.h"

#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/api/actor.h"
#include "runtime/api/task.h"
#include "runtime/base/abi.h"
#include "runtime/ring/ring_link.h"
#include "runtime/wire/call_records.h"
#include "runtime/wire/memory_transport.h"
#include "runtime/wire/message_codec.h"
#include "tests/support/folder.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

struct Echo {
  int same(int value) { return value; }
};

constexpr ActorType<Echo()> echo{"echo"};
constexpr Method<&Echo::same> same{"same"};
constexpr Task<void()> quick{"quick"};
constexpr Task<void()> held{"held"};

message::Run order(std::uint32_t number, std::string_view function) {
  return {{.task = {JobId{1}, number}, .attempt = {1, 1}, .work = FunctionWork{std::string(function), {}}}};
}

}  // namespace

TEST_CASE("what has ended in a worker is reported while the next still runs, and that it lives", "[worker]") {
  const ClusterId cluster{1, 2};
  MemoryNetwork network;
  const auto agent = network.make_transport();
  REQUIRE(agent->listen("agent"));
  std::promise<void> may_end;
  Catalog catalog;
  catalog.add(quick, [] {});
  catalog.add(held, [end = may_end.get_future().share()] { end.wait_for(60s); });
  const WorkerOptions options{WorkerId{7}, cluster, "agent", "worker"};
  const auto transport = network.make_transport();
  std::jthread worker([&](std::stop_token until) { run_worker(options, catalog, *transport, until); });

  PeerId to_worker;
  const auto next = [&]() -> message::Message {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < deadline) {
      const auto arrived = agent->receive(deadline);
      if (arrived.empty()) continue;
      to_worker = arrived.front().from;
      auto letters = decode(arrived.front().frame);
      if (arrived.size() == 1 && letters && letters->messages.size() == 1) return std::move(letters->messages.front());
      break;
    }
    return message::WorkerHello{};
  };
  const auto reported = [&] {
    auto message = next();
    for (int more = 100; more > 0 && std::holds_alternative<message::WorkerHello>(message); --more) message = next();
    const auto* report = std::get_if<message::Report>(&message);
    return report != nullptr && report->report.end == AttemptEnd::done ? report->report.task.number : 0;
  };

  const auto hello = std::get<message::WorkerHello>(next());
  CHECK(hello.worker == WorkerId{7});
  CHECK(hello.abi == abi_version);
  FrameWriter orders(Envelope{cluster, 1, 1});
  for (std::uint32_t number : {1u, 2u, 3u}) orders.add(order(number, number == 1 ? quick.name : held.name));
  agent->send(to_worker, orders.take());
  CHECK(reported() == 1);
  CHECK(std::get<message::WorkerHello>(next()).worker == WorkerId{7});
  may_end.set_value();
}

namespace {

/// A worker, and its agent's end.
class Scene {
 public:
  explicit Scene(const Catalog& catalog, Context::Connect connect = {}) : catalog_(catalog) {
    options_.connect = std::move(connect);
    REQUIRE(agent_->listen("agent"));
    worker_ = std::jthread([this](std::stop_token until) { run_worker(options_, catalog_, *transport_, until); });
    const auto hello = agent_->receive(deadline_);
    REQUIRE(!hello.empty());
    to_worker_ = hello.front().from;
  }
  void says(const std::vector<message::Message>& messages) {
    FrameWriter frame(Envelope{cluster_, 1, 1});
    for (const auto& message : messages) frame.add(message);
    agent_->send(to_worker_, frame.take());
  }
  void is_told_by_another_worker(const message::Message& message) {
    const auto to_worker = neighbour_->connect(options_.own_address);
    REQUIRE(to_worker);
    neighbour_->send(*to_worker, encode(Envelope{cluster_, 0, 8}, message));
  }
  /// What it says, one by one, until `take` has had enough.
  template <class Take>
  void hears_until(Take take) {
    for (bool is_enough = false; !is_enough && std::chrono::steady_clock::now() < deadline_;) {
      for (const auto& delivery : agent_->receive(deadline_)) {
        const auto letters = decode(delivery.frame);
        REQUIRE(letters);
        for (const auto& message : letters->messages) is_enough = take(message) || is_enough;
      }
    }
  }
  template <class Take>
  void reports_until(Take take) {
    hears_until([&](const message::Message& message) {
      const auto* report = std::get_if<message::Report>(&message);
      return report != nullptr && take(report->report);
    });
  }

 private:
  const Catalog& catalog_;
  const ClusterId cluster_{1, 2};
  const std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::now() + 20s;
  MemoryNetwork network_;
  const std::unique_ptr<Transport> agent_ = network_.make_transport();
  const std::unique_ptr<Transport> neighbour_ = network_.make_transport();
  const std::unique_ptr<Transport> transport_ = network_.make_transport();
  WorkerOptions options_{WorkerId{7}, cluster_, "agent", "worker"};
  PeerId to_worker_;
  std::jthread worker_;
};

}  // namespace

TEST_CASE("a worker waits for what it awaits until it must be lost, and takes it from other workers too", "[worker]") {
  Catalog catalog;
  catalog.add(quick, [] {});
  Scene scene(catalog);
  const TaskId passed{JobId{2}, 1};
  const TaskId lost{JobId{2}, 2};
  std::vector<message::Message> orders;
  for (const auto& [number, awaited] : {std::pair(1u, passed), std::pair(2u, lost)}) {
    auto run = order(number, quick.name);
    run.order.awaits.push_back({awaited, {1, 1}, Awaited::no_input});
    orders.emplace_back(run);
  }
  scene.says(orders);
  scene.is_told_by_another_worker(message::AwaitedResult{passed, {1, 1}, "null"});
  std::vector<AttemptEnd> ends;
  scene.reports_until([&](const AttemptReport& report) {
    ends.push_back(report.end);
    return ends.size() == 2;
  });
  CHECK(ends == std::vector{AttemptEnd::done, AttemptEnd::preempted});
}

TEST_CASE("a worker whose task waits says so, and returns what it was given behind it", "[worker]") {
  std::atomic<bool> is_over = false;
  Catalog catalog;
  catalog.add(quick, [] {});
  catalog.add(held, [&](Context& context) {
    const std::vector<Ref<void>> never{context.session().submit(quick)};  // Nobody runs that.
    context.session().get_all(
        never, [&] { is_over ? throw std::runtime_error("over") : void(); }, 1ms);
  });
  MemoryNetwork nowhere;
  Scene scene(catalog, [&](TaskId, AttemptId) {
    return Session(std::make_shared<SessionCore>(SessionOptions{}, nowhere.make_transport()));
  });
  scene.says({order(1, held.name), order(2, quick.name)});
  std::vector<std::uint32_t> returned;
  std::vector<std::uint32_t> reported;
  int repeated = 0;
  bool goes_on = false;
  scene.hears_until([&](const message::Message& message) {
    if (const auto* told = std::get_if<message::TaskWaits>(&message)) {
      CHECK(told->task == TaskId{JobId{1}, 1});
      for (const auto& [task, attempt] : told->returned) returned.push_back(task.number);
      if (returned.size() == 1 && !told->returned.empty()) scene.says({order(3, quick.name)});
      if (told->waits && told->returned.empty()) ++repeated;
      is_over = repeated > 0 && returned.size() == 2;
      if (!told->waits) scene.says({order(2, quick.name)});
      goes_on = !told->waits;
    }
    if (const auto* report = std::get_if<message::Report>(&message)) reported.push_back(report->report.task.number);
    return reported.size() == 2;
  });
  CHECK(goes_on);
  CHECK(returned == std::vector<std::uint32_t>{2, 3});
  CHECK(reported == std::vector<std::uint32_t>{1, 2});
}

TEST_CASE("a worker hears what it is told between tasks that follow each other", "[worker]") {
  constexpr std::uint32_t last = 1000;
  Catalog catalog;
  catalog.add(held, [] { std::this_thread::sleep_for(100us); });  // As long as a task takes.
  Scene scene(catalog);
  std::vector<message::Message> orders;
  for (std::uint32_t number = 1; number <= last; ++number) orders.emplace_back(order(number, held.name));
  scene.says(orders);
  bool is_stopped = false;
  std::optional<AttemptEnd> end_of_last;
  scene.reports_until([&](const AttemptReport& report) {
    if (report.task.number == last) end_of_last = report.end;
    if (!std::exchange(is_stopped, true)) scene.says({message::Stop{{JobId{1}, last}, {1, 1}}});
    return end_of_last.has_value();
  });
  CHECK(end_of_last == AttemptEnd::cancelled);
}

namespace {

/// A worker with one actor, which a caller reaches by rings.
class ActorScene {
 public:
  ActorScene(const Catalog& catalog, RunOrder order, const std::string& state_folder = {})
      : order_(std::move(order)),
        agent_(network_.make_transport()),
        transport_(network_.make_transport()),
        options_{.id = WorkerId{7},
                 .cluster = cluster_,
                 .agent_address = "agent",
                 .own_address = "ipc://" + folder_.file("worker"),
                 .state_folder = state_folder} {
    REQUIRE(agent_->listen("agent"));
    worker_ =
        std::jthread([this, &catalog](std::stop_token until) { run_worker(options_, catalog, *transport_, until); });
    agent_->send(hear().from, encode(Envelope{cluster_, 1, 1}, message::Run{order_}));
    const auto is_ready = [&](const Delivery& delivery) {
      return std::holds_alternative<message::ActorReady>(decode(delivery.frame)->messages.front());
    };
    while (!is_ready(hear())) continue;
  }
  void connect(std::uint64_t caller = 9) {
    auto link = RingLink::ask(ring_socket_of(options_.own_address), caller, own_);
    REQUIRE(link);
    link_.emplace(std::move(*link));
  }
  message::CallAnswer call(std::uint64_t number, std::string_view method, const Bytes& argument,
                           std::uint32_t open = 1) {
    const std::string_view arguments[] = {argument};
    send(*link_, CallView{order_.task, order_.attempt, number, method, arguments, open});
    std::optional<message::CallAnswer> answer;
    while (!answer && std::chrono::steady_clock::now() < deadline_) {
      if (!link_->is_taken() && !link_->take_answer()) break;
      if (const auto bytes = link_->receive()) answer = decode_answer(*bytes);
    }
    REQUIRE(answer);
    CHECK(answer->number == number);
    return *answer;
  }

  /// Each of these callers makes one call, its first, by frames.
  void is_called_by(std::uint64_t first, std::uint64_t last, std::string_view method, const Bytes& argument) {
    const auto callers = network_.make_transport();
    const auto to_worker = callers->connect(options_.own_address);
    REQUIRE(to_worker);
    FrameWriter frame(Envelope{cluster_, 1, 1});
    for (std::uint64_t caller = first; caller <= last; ++caller)
      frame.add(message::Call{order_.task, order_.attempt, caller, 1, std::string(method), {argument}});
    callers->send(*to_worker, frame.take());
    std::uint64_t answers = 0;
    while (answers <= last - first && std::chrono::steady_clock::now() < deadline_)
      for (const auto& delivery : callers->receive(deadline_)) answers += decode(delivery.frame)->messages.size();
    CHECK(answers == last - first + 1);
  }

 private:
  Delivery hear() {
    const auto arrived = agent_->receive(deadline_);
    REQUIRE(!arrived.empty());
    return arrived.front();
  }

  const ClusterId cluster_{1, 2};
  const RunOrder order_;
  const std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::now() + 20s;
  const test::Folder folder_;
  MemoryNetwork network_;
  std::unique_ptr<Transport> agent_;
  std::unique_ptr<Transport> transport_;
  const WorkerOptions options_;
  const Bell own_ = std::move(*Bell::make());
  std::optional<RingLink> link_;
  std::jthread worker_;
};

RunOrder actor_order(AttemptId attempt, std::string_view type) {
  return {.task = {JobId{1}, 1}, .attempt = attempt, .work = ActorWork{std::string(type), {}}};
}

struct Sum {
  int add(int amount) { return sum += amount; }
  int sum = 0;
};
struct SavedSum : Sum {
  int checkpoint() const { return sum; }
  void restore(int saved) { sum = saved; }
};
constexpr ActorType<Sum()> sum{"sum"};
constexpr ActorType<SavedSum()> saved_sum{"saved_sum"};
constexpr Method<&Sum::add> add{"add"};

}  // namespace

TEST_CASE("a caller whose link broke counts its calls from 1 over the next one", "[worker]") {
  Catalog catalog;
  catalog.add(echo, same);
  ActorScene scene(catalog, actor_order({1, 1}, echo.name));
  for (int round = 0; round < 3; ++round) {
    scene.connect();
    for (const std::uint64_t number : {1u, 2u})
      CHECK(scene.call(number, same.name, encode_value(5)).value == encode_value(5));
  }
}

TEST_CASE("a logged call that is sent again is answered as it was, by this attempt and by the next", "[worker]") {
  const test::Folder folder;
  Catalog catalog;
  catalog.add(sum, add);
  RunOrder order = actor_order({1, 1}, sum.name);
  std::get<ActorWork>(order.work).restart = RestartRule{.mode = RestartMode::logged};
  const auto added = [](ActorScene& scene, std::uint64_t number, int amount, std::uint32_t open) {
    return decode<int>(scene.call(number, add.name, encode_value(amount), open).value).value();
  };
  const auto last_kept = [](ActorScene& scene) {
    return decode<message::WhatIsKept>(scene.call(0, "", encode(message::WhatIsKept{1, 0}), 0).value).value().number;
  };
  {
    ActorScene scene(catalog, order, folder.file("actors"));
    scene.connect();
    CHECK(last_kept(scene) == 0);
    CHECK(added(scene, 1, 5, 1) == 5);
    CHECK(added(scene, 2, 6, 2) == 11);
    scene.connect();  // A new link: the numbers go on.
    CHECK(last_kept(scene) == 2);
    CHECK(added(scene, 1, 5, 1) == 5);
    CHECK(added(scene, 2, 6, 2) == 11);
    CHECK(added(scene, 3, 1, 3) == 12);
  }
  order.attempt = {1, 2};
  ActorScene scene(catalog, order, folder.file("actors"));
  scene.connect();
  CHECK(last_kept(scene) == 3);
  CHECK(added(scene, 2, 6, 1) == 11);
  CHECK(added(scene, 3, 1, 2) == 12);
  CHECK(added(scene, 4, 1, 3) == 13);
}

TEST_CASE("a caller that others have driven out of what is kept is not told that its calls are lost", "[worker]") {
  const test::Folder folder;
  Catalog catalog;
  catalog.add(saved_sum, add);
  constexpr std::uint64_t others = 4096;  // As many callers as are remembered.
  RunOrder order = actor_order({1, 1}, saved_sum.name);
  std::get<ActorWork>(order.work).restart =
      RestartRule{.mode = RestartMode::checkpoint, .checkpoint_calls = static_cast<std::uint32_t>(others) + 1};
  const auto last_kept = [](ActorScene& scene, std::uint64_t next, std::uint64_t turns) {
    const auto told = scene.call(0, "", encode(message::WhatIsKept{next, turns}), 0).value;
    return decode<message::WhatIsKept>(told).value();
  };
  {
    ActorScene scene(catalog, order, folder.file("actors"));
    scene.connect();
    CHECK(last_kept(scene, 1, 0).number == 0);
    CHECK(decode<int>(scene.call(1, add.name, encode_value(5)).value).value() == 5);
    scene.is_called_by(100, 100 + others - 1, add.name, encode_value(1));
  }
  order.attempt = {1, 2};
  ActorScene scene(catalog, order, folder.file("actors"));
  scene.connect();
  for (int round = 0; round < 2; ++round) {
    const auto told = last_kept(scene, 2, 0);
    CHECK((told.number == message::not_remembered && told.turns == others + 1));
    scene.connect();  // And if that is not heard.
  }
  CHECK(last_kept(scene, 2, 0).number == message::not_remembered);
  CHECK(decode<int>(scene.call(2, add.name, encode_value(1)).value).value() == 6 + static_cast<int>(others));
  CHECK(last_kept(scene, 3, others + 1).number == 2);
  scene.connect(200);  // In the place of the first of them the caller is remembered again.
  CHECK(last_kept(scene, 2, 0).number == 1);
  // These never called, or their first call was lost: for the second of them so many turns are too few to be forgotten.
  scene.connect(9000);
  CHECK(last_kept(scene, 1, 0).number == 0);
  scene.connect(9001);
  CHECK(last_kept(scene, 2, 3).number == 0);
}
