// Work that starts work: sessions inside tasks and actors, and actors that others than their driver call.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <thread>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

class Register {
 public:
  explicit Register(int value) : value_(value) {}
  int add(int amount) { return value_ += amount; }
  int pid() const { return ::getpid(); }
  int slow() const {
    std::this_thread::sleep_for(1s);  // Longer than whoever asks for an actor waits between two of its questions.
    return value_;
  }
  int fail() const { throw std::runtime_error("no value"); }

 private:
  int value_;
};

constexpr Task<int(int, int)> multiply{"nested.multiply"};
constexpr Task<int(int)> sum_of_squares{"nested.sum_of_squares"};
constexpr Task<int(int)> fibonacci{"nested.fibonacci"};
constexpr Task<std::uint64_t(int)> meets{"nested.meets"};
constexpr Task<int(int, int)> goes_on{"nested.goes_on"};
constexpr Task<std::vector<int>(ActorHandle<Register>, int)> add_often{"nested.add_often"};
constexpr Task<ActorHandle<Register>()> leaves_an_actor{"nested.leaves_an_actor"};
constexpr Task<std::string()> own_name{"nested.own_name"};
constexpr ActorType<Register(int)> shared{"nested.Register"};
constexpr Method<&Register::add> register_add{"add"};
constexpr Method<&Register::pid> register_pid{"pid"};
constexpr Method<&Register::slow> register_slow{"slow"};
constexpr Method<&Register::fail> register_fail{"fail"};

/// Calls another actor through a session that lives as long as it does.
class Client {
 public:
  Client(Context& context, const ActorHandle<Register>& handle)
      : context_(context), register_(context.session().attach(handle)) {}
  int add(int amount) { return context_.session().get(register_.call(register_add, amount)); }
  std::string failure(int amount) {
    const auto added = context_.session().try_get(register_.call(register_add, amount));
    return added ? "none" : added.error().message;
  }

 private:
  Context& context_;
  Actor<Register> register_;
};
constexpr ActorType<Client(ActorHandle<Register>)> client{"nested.Client"};
constexpr Method<&Client::add> client_add{"add"};
constexpr Method<&Client::failure> client_failure{"failure"};

const TaskOptions without_cpus{.needs = {.cpus = 0}};

void enroll(Catalog& catalog) {
  catalog.add(multiply, [](int a, int b) { return a * b; });
  catalog.add(sum_of_squares, [](Context& context, int count) {
    std::vector<Ref<int>> squares;
    for (int i = 1; i <= count; ++i) squares.push_back(context.session().submit(multiply, i, i));
    const auto values = context.session().get_all(squares);
    return std::accumulate(values.begin(), values.end(), 0);
  });
  catalog.add(fibonacci, [](Context& context, int n) {
    if (n < 2) return n;
    const auto left = context.session().submit(fibonacci, n - 1);
    const auto right = context.session().submit(fibonacci, n - 2);
    return context.session().get(left) + context.session().get(right);
  });
  catalog.add(meets, [](Context& context, int parties) {
    return context.session().barrier("all", static_cast<std::uint32_t>(parties)).arrive_and_wait().value();
  });
  catalog.add(goes_on, [](Context& context, int first, int last) {
    const int product = context.session().get(context.session().submit(multiply, first, last));
    return product + context.session().get(context.session().submit(multiply, first, last));
  });
  catalog.add(add_often, [](Context& context, const ActorHandle<Register>& handle, int count) {
    const auto actor = context.session().attach(handle);
    std::vector<Ref<int>> sums;
    for (int i = 0; i < count; ++i) sums.push_back(actor.call(register_add, 1));
    return context.session().get_all(sums);
  });
  catalog.add(leaves_an_actor, [](Context& context) {
    const auto actor = context.session().spawn(shared, 1);
    context.session().get(actor.call(register_add, 1));
    return actor.handle();
  });
  catalog.add(own_name, [](const Context& context) { return context.name(); });
  catalog.add(shared, register_add, register_pid, register_slow, register_fail);
  catalog.add(client, client_add, client_failure);
}

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("a task that needs no cpu runs others and waits for them") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  CHECK(session.get(session.submit(without_cpus, sum_of_squares, 100)) == 338'350);
  CHECK(session.get(session.submit({.name = "me"}, own_name)) == "me");
}

TEST_CASE("tasks that wait for others lend them their cpus, however deep") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  CHECK(session.get(session.submit(sum_of_squares, 100)) == 338'350);
  CHECK(session.get(session.submit(fibonacci, 7)) == 13);
  // Each waits twice, among others that want the cpu.
  std::vector<Ref<int>> products;
  for (int i = 0; i < 20; ++i) products.push_back(session.submit(goes_on, i, i));
  for (int i = 0; i < 20; ++i) CHECK(session.get(products[static_cast<std::size_t>(i)]) == 2 * i * i);
}

TEST_CASE("tasks that meet at a barrier lend their cpus until all are there") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  std::vector<Ref<std::uint64_t>> all;
  for (int i = 0; i < 4; ++i) all.push_back(session.submit(meets, 4));
  for (const auto round : session.get_all(all)) CHECK(round == 1);
}

TEST_CASE("tasks call their driver's actor, each in its own order, and nothing is lost or done twice") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto actor = session.spawn(shared, 0);
  std::vector<Ref<std::vector<int>>> callers;
  for (int i = 0; i < 3; ++i) callers.push_back(session.submit(without_cpus, add_often, actor.handle(), 500));
  std::vector<int> all;
  for (const auto& sums : session.get_all(callers)) {
    CHECK(std::is_sorted(sums.begin(), sums.end()));
    all.insert(all.end(), sums.begin(), sums.end());
  }
  std::sort(all.begin(), all.end());
  std::vector<int> expected(1500);
  std::iota(expected.begin(), expected.end(), 1);
  CHECK(all == expected);
}

TEST_CASE("a handle may be attached before its actor has been submitted") {
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session owner = cluster.connect();
  Session other = cluster.connect();
  // Each races with its actor's submit.
  for (int i = 0; i < 50; ++i) {
    const auto actor = owner.spawn({.needs = {.cpus = 0}, .shares_worker = true}, shared, i);
    CHECK(other.get(other.attach(actor.handle()).call(register_add, 1)) == i + 1);
  }
  // It is not submitted while a call works on its argument.
  const auto first = owner.spawn({.needs = {.cpus = 0}}, shared, 7);
  const auto waits = owner.spawn({.needs = {.cpus = 0}}, shared, first.call(register_slow));
  CHECK(other.get(other.attach(waits.handle()).call(register_add, 1)) == 8);
}

TEST_CASE("an actor that is never submitted has ended for whoever has its handle") {
  Cluster cluster = Cluster::local({.cpus = 2000});
  Session owner = cluster.connect();
  Session other = cluster.connect();
  const auto fault_of_call = [&](const Actor<Register>& actor) {
    return other.try_get(actor.call(register_add, 1), 20s).error().fault;
  };
  const auto first = owner.spawn({.needs = {.cpus = 0}}, shared, 7);
  const auto failed = owner.spawn(shared, first.call(register_fail));
  CHECK(fault_of_call(other.attach(failed.handle())) == Fault::peer_lost);

  auto dropped = owner.spawn(shared, first.call(register_slow));
  const auto borrowed = other.attach(dropped.handle());
  dropped = {};
  CHECK(fault_of_call(borrowed) == Fault::peer_lost);

  const auto refused = owner.spawn({.needs = {.cpus = 100'000}}, shared, 1);
  CHECK(fault_of_call(other.attach(refused.handle())) == Fault::peer_lost);
}

TEST_CASE("what a task starts ends with it") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  const auto handle = session.get(session.submit(without_cpus, leaves_an_actor));
  const auto left = session.attach(handle);
  const auto added = session.try_get(left.call(register_add, 1), 20s);
  REQUIRE_FALSE(added);
  CHECK(added.error().fault == Fault::peer_lost);
}

TEST_CASE("an actor that others call is started anew for them too") {
  Cluster cluster = Cluster::local({.cpus = 1000});
  Session session = cluster.connect();
  auto actor = session.spawn({.max_restarts = 1}, shared, 10);
  const auto caller = session.spawn(client, actor.handle());
  CHECK(session.get(caller.call(client_add, 5)) == 15);
  const int pid = session.get(actor.call(register_pid));
  ::kill(pid, SIGKILL);
  // A call that reaches it as it dies is not known to have run; those after it run on the next.
  std::string failure = "";
  while (failure != "none") failure = session.get(caller.call(client_failure, 1));
  CHECK(session.get(caller.call(client_add, 0)) == 11);
  CHECK(session.get(actor.call(register_pid)) != pid);

  actor = {};
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (failure == "none" && std::chrono::steady_clock::now() < end)
    failure = session.get(caller.call(client_failure, 1));
  CHECK(failure != "none");
  CHECK(session.get(caller.call(client_failure, 1)).find("has ended") != std::string::npos);
}
