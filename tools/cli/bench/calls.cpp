#include <cstdio>
#include <stdexcept>

#include "tools/cli/bench/bench.h"
#include "tools/cli/bench/place.h"
#include "tools/cli/bench/rates.h"

namespace troupe::cli {
namespace {

class Answerer {
 public:
  std::string ok() { return "ok"; }
  std::string take(int /*value*/) { return "ok"; }
};

inline constexpr ActorType<Answerer()> answerer{"bench.Answerer"};
inline constexpr Method<&Answerer::ok> ok{"ok"};
inline constexpr Method<&Answerer::take> take{"take"};

/// The same by coroutines, under the same names: who has a handle to one calls it as the other.
class AsyncAnswerer {
 public:
  Coroutine<std::string> ok() { co_return "ok"; }
  Coroutine<std::string> take(int /*value*/) { co_return "ok"; }
};

inline constexpr ActorType<AsyncAnswerer()> async_answerer{"bench.AsyncAnswerer"};
inline constexpr Method<&AsyncAnswerer::ok> async_ok{"ok"};
inline constexpr Method<&AsyncAnswerer::take> async_take{"take"};

constexpr std::uint32_t most_at_once = 16;  // Calls of an actor that runs several.
constexpr std::size_t calls_each = 5000;
constexpr std::size_t calls_with_arg = 1000;
using Handles = std::vector<ActorHandle<Answerer>>;

inline constexpr Task<std::size_t(Handles)> call_in_turn{"bench.call_in_turn"};

/// Calls actors from within an actor.
class Caller {
 public:
  Caller(Context& context, const Handles& handles) : session_(context.session()) {
    for (const auto& handle : handles) actors_.push_back(session_.attach(handle));
  }
  std::size_t call_all();
  std::size_t call_with_ref();

 private:
  Session& session_;
  std::vector<Actor<Answerer>> actors_;
};
inline constexpr ActorType<Caller(Handles)> caller{"bench.Caller"};
inline constexpr Method<&Caller::call_all> call_all{"call_all"};
inline constexpr Method<&Caller::call_with_ref> call_with_ref{"call_with_ref"};

void expect_ok(const std::string& answer) {
  if (answer != "ok") throw std::runtime_error("a call gave another answer");
}

std::size_t answered(Session& session, const std::vector<Ref<std::string>>& answers) {
  for (const auto& answer : session.get_all(answers)) expect_ok(answer);
  return answers.size();
}

std::size_t Caller::call_all() {
  std::vector<Ref<std::string>> answers;
  for (const auto& actor : actors_)
    for (std::size_t i = 0; i < calls_each; ++i) answers.push_back(actor.call(ok));
  return answered(session_, answers);
}

/// One value, put once, in all its calls.
std::size_t Caller::call_with_ref() {
  const auto ref = session_.put(0);
  std::vector<Ref<std::string>> answers;
  for (const auto& actor : actors_)
    for (std::size_t i = 0; i < calls_with_arg; ++i) answers.push_back(actor.call(take, ref));
  return answered(session_, answers);
}

std::size_t run_call_in_turn(Context& context, const Handles& handles) {
  std::vector<Actor<Answerer>> called;
  for (const auto& handle : handles) called.push_back(context.session().attach(handle));
  std::vector<Ref<std::string>> answers;
  for (std::size_t i = 0; i < calls_each; ++i) answers.push_back(called[i % called.size()].call(ok));
  return answered(context.session(), answers);
}

void expect_calls(std::size_t made, std::size_t expected) {
  if (made != expected) throw std::runtime_error("a caller did not make all its calls");
}

void call_thousand(Session& session, const Actor<Answerer>& actor) {
  std::vector<Ref<std::string>> answers;
  for (int i = 0; i < 1000; ++i) answers.push_back(actor.call(ok));
  answered(session, answers);
}

enum class Kind { plain, async };

Actor<Answerer> spawn_answerer(Session& session, Kind kind) {
  if (kind == Kind::plain) return session.spawn(answerer);
  auto made = session.spawn({.concurrency = most_at_once}, async_answerer);
  const auto handle = made.handle();
  auto actor = session.attach(ActorHandle<Answerer>{handle.task, handle.name, handle.restart});
  expect_ok(session.get(actor.call(ok)));
  return actor;
}

void bench_concurrent(Bench& bench, Session& session) {
  const auto actor = session.spawn({.concurrency = most_at_once}, answerer);
  expect_ok(session.get(actor.call(ok)));
  measure_rate(bench, {"calls", "1_1_actor_calls_concurrent", 1000}, [&] { call_thousand(session, actor); });
}

/// The log lies in the cluster's folder: in memory where that does.
void bench_logged(Bench& bench, Session& session) {
  const auto actor = session.spawn({.restart = RestartMode::logged}, answerer);
  expect_ok(session.get(actor.call(ok)));
  measure_rate(bench, {"calls", "1_1_logged_calls_sync", 1, true}, [&] { expect_ok(session.get(actor.call(ok))); });
  measure_rate(bench, {"calls", "1_1_logged_calls_async", 1000}, [&] { call_thousand(session, actor); });
}

void bench_async(Bench& bench, Session& session) {
  const auto actor = spawn_answerer(session, Kind::async);
  measure_rate(bench, {"calls", "1_1_async_actor_calls_sync", 1, true},
               [&] { expect_ok(session.get(actor.call(ok))); });
  measure_rate(bench, {"calls", "1_1_async_actor_calls_async", 1000}, [&] { call_thousand(session, actor); });
  measure_rate(bench, {"calls", "1_1_async_actor_calls_with_args_async", 1000}, [&] {
    std::vector<Ref<std::string>> answers;
    for (int i = 0; i < 1000; ++i) answers.push_back(actor.call(take, i));
    answered(session, answers);
  });
}

void bench_many(Bench& bench, Session& session, Kind kind) {
  std::vector<Actor<Answerer>> called;
  Handles handles;
  const std::string row = kind == Kind::plain ? "actor_calls_async" : "async_actor_calls_async";
  for (std::uint32_t i = 0; i < bench.actors(); ++i) {
    called.push_back(spawn_answerer(session, kind));
    handles.push_back(called.back().handle());
  }
  const auto one = session.spawn(caller, handles);
  const std::size_t to_each = calls_each * bench.actors();
  measure_rate(bench, {"calls", "1_n_" + row, static_cast<double>(to_each)},
               [&] { expect_calls(session.get(one.call(call_all)), to_each); });
  const std::size_t by_each = calls_each * bench.callers();
  measure_rate(bench, {"calls", "n_n_" + row, static_cast<double>(by_each)}, [&] {
    std::vector<Ref<std::size_t>> made;
    for (std::uint32_t i = 0; i < bench.callers(); ++i) made.push_back(session.submit(call_in_turn, handles));
    for (const std::size_t calls : session.get_all(made)) expect_calls(calls, calls_each);
  });
}

/// Each caller has an actor of its own to call.
void bench_pairs(Bench& bench, Session& session) {
  std::vector<Actor<Answerer>> called;
  std::vector<Actor<Caller>> callers;
  for (std::uint32_t i = 0; i < bench.callers(); ++i) {
    called.push_back(session.spawn(answerer));
    callers.push_back(session.spawn(caller, Handles{called.back().handle()}));
  }
  const std::size_t by_all = calls_with_arg * bench.callers();
  measure_rate(bench, {"calls", "n_n_actor_calls_with_arg_async", static_cast<double>(by_all)}, [&] {
    std::vector<Ref<std::size_t>> made;
    for (const auto& each : callers) made.push_back(each.call(call_with_ref));
    for (const std::size_t calls : session.get_all(made)) expect_calls(calls, calls_with_arg);
  });
}

void bench_calls(Bench& bench) {
  std::fprintf(
      stderr,
      "calls: one driver and one actor, which needs 0 cpus, each a process; 1_n: one actor calls %u; n_n: %u "
      "tasks call %u actors; with_arg: %u actors call one each; concurrent and async, whose methods are coroutines: 16 "
      "calls at once; rings in shared memory; every call returns the "
      "2 bytes \"ok\"; nothing durable, but for the log of logged_calls in the cluster's folder\n",
      bench.actors(), bench.callers(), bench.actors(), bench.callers());
  BenchPlace place(bench, "calls");
  Session& session = place.session();
  const auto actor = session.spawn(answerer);
  expect_ok(session.get(actor.call(ok)));
  measure_rate(bench, {"calls", "1_1_actor_calls_sync", 1, true}, [&] { expect_ok(session.get(actor.call(ok))); });
  measure_rate(bench, {"calls", "1_1_actor_calls_async", 1000}, [&] { call_thousand(session, actor); });
  if (bench.wants("1_1_actor_calls_concurrent")) bench_concurrent(bench, session);
  if (bench.wants_any("1_1_logged_calls_sync", "1_1_logged_calls_async")) bench_logged(bench, session);
  if (bench.wants_any("1_1_async_actor_calls_sync", "1_1_async_actor_calls_async",
                      "1_1_async_actor_calls_with_args_async"))
    bench_async(bench, session);
  if (bench.wants_any("1_n_actor_calls_async", "n_n_actor_calls_async")) bench_many(bench, session, Kind::plain);
  if (bench.wants_any("1_n_async_actor_calls_async", "n_n_async_actor_calls_async"))
    bench_many(bench, session, Kind::async);
  if (bench.wants("n_n_actor_calls_with_arg_async")) bench_pairs(bench, session);
}

}  // namespace

void enroll_calls_bench(Catalog& catalog) {
  catalog.add(answerer, ok, take);
  catalog.add(async_answerer, async_ok, async_take);
  catalog.add(caller, call_all, call_with_ref);
  catalog.add(call_in_turn, run_call_in_turn);
}

Suite calls_suite() {
  return {"calls",
          {"1_1_actor_calls_sync", "1_1_actor_calls_async", "1_1_actor_calls_concurrent", "1_1_async_actor_calls_sync",
           "1_1_async_actor_calls_async", "1_1_async_actor_calls_with_args_async", "1_n_async_actor_calls_async",
           "n_n_async_actor_calls_async", "1_1_logged_calls_sync", "1_1_logged_calls_async", "1_n_actor_calls_async",
           "n_n_actor_calls_async", "n_n_actor_calls_with_arg_async"},
          {},
          bench_calls};
}

}  // namespace troupe::cli
