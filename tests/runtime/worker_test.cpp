// A worker in this process, given its orders by hand.
#include "runtime/worker/worker.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/api/actor.h"
#include "runtime/api/task.h"
#include "runtime/base/abi.h"
#include "runtime/ring/ring_link.h"
#include "runtime/wire/call_records.h"
#include "runtime/wire/memory_transport.h"
#include "runtime/wire/message_codec.h"

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
  std::atomic<bool> is_over = false;
  const auto transport = network.make_transport();
  std::jthread worker([&] { run_worker(options, catalog, *transport, [&] { return is_over.load(); }); });

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
  is_over = true;
  may_end.set_value();
  agent->send(to_worker, encode(Envelope{cluster, 1, 1}, message::Stop{}));
}

TEST_CASE("a caller whose link broke counts its calls from 1 over the next one", "[worker]") {
  const ClusterId cluster{1, 2};
  MemoryNetwork network;
  const auto agent = network.make_transport();
  REQUIRE(agent->listen("agent"));
  Catalog catalog;
  catalog.add(echo, same);
  const std::string path = (std::filesystem::temp_directory_path() / ("troupe-" + to_text(random_id()))).string();
  const WorkerOptions options{WorkerId{7}, cluster, "agent", "ipc://" + path};
  std::atomic<bool> is_over = false;
  const auto transport = network.make_transport();
  std::jthread worker([&] { run_worker(options, catalog, *transport, [&] { return is_over.load(); }); });
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  const auto hear = [&] {
    const auto arrived = agent->receive(deadline);
    REQUIRE(!arrived.empty());
    return arrived.front();
  };

  const TaskId task{JobId{1}, 1};
  agent->send(hear().from, encode(Envelope{cluster, 1, 1},
                                  message::Run{{.task = task, .attempt = {1, 1}, .work = ActorWork{"echo", {}}}}));
  const auto is_ready = [&](const Delivery& delivery) {
    return std::holds_alternative<message::ActorReady>(decode(delivery.frame)->messages.front());
  };
  while (!is_ready(hear())) continue;

  const Bell own = std::move(*Bell::make());
  const Bytes argument = encode_value(5);
  const std::string_view arguments[] = {argument};
  for (int round = 0; round < 3; ++round) {
    auto link = RingLink::ask(ring_socket_of(options.own_address), 9, own);
    REQUIRE(link);
    for (const std::uint64_t number : {1u, 2u}) {
      send(*link, CallView{task, {1, 1}, number, same.name, arguments});
      std::optional<message::CallAnswer> answer;
      while (!answer && std::chrono::steady_clock::now() < deadline) {
        if (!link->is_taken() && !link->take_answer()) break;
        if (const auto bytes = link->receive()) answer = decode_answer(*bytes);
      }
      REQUIRE(answer);
      CHECK(answer->number == number);
      CHECK(answer->value == argument);
    }
  }
  is_over = true;
  transport->wake();
}
