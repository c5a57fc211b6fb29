// A worker in this process, given its orders by hand.
#include "runtime/worker/worker.h"

#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/api/task.h"
#include "runtime/base/abi.h"
#include "runtime/wire/memory_transport.h"
#include "runtime/wire/message_codec.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

constexpr Task<void()> quick{"quick"};
constexpr Task<void()> held{"held"};

message::Run order(std::uint32_t number, std::string_view function) {
  return {{.task = {JobId{1}, number}, .attempt = {1, 1}, .work = FunctionWork{std::string(function), {}}}};
}

}  // namespace

TEST_CASE("what has ended in a worker is reported while the next still runs", "[worker]") {
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
    const auto message = next();
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
  is_over = true;
  may_end.set_value();
  agent->send(to_worker, encode(Envelope{cluster, 1, 1}, message::Stop{}));
}
