// Refs that stand in values: in arguments, in results, and kept by actors.
#include <chrono>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"
#include "tests/support/local_agent.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

using Numbers = std::vector<float>;
constexpr std::size_t million = 1'000'000;  // Numbers: 4 MB.

struct Batch {
  std::string name;
  std::vector<Ref<Numbers>> pieces;
  std::optional<Ref<std::string>> note;
};
template <class Archive>
void fields(Archive& archive, Batch& value) {
  archive("batch", value.name, value.pieces, value.note);
}

constexpr Task<Numbers(std::size_t, float)> filled{"refs.filled"};
constexpr Task<Numbers(std::size_t)> fails{"refs.fails"};
constexpr Task<double(Batch)> sum_of{"refs.sum_of"};
constexpr Task<Batch(std::string, std::size_t)> batch_of{"refs.batch_of"};
constexpr Task<Batch(Ref<std::string>)> broken_batch{"refs.broken_batch"};
constexpr Task<std::vector<Ref<int>>(int)> many{"refs.many"};
constexpr Task<std::vector<Ref<Batch>>(Batch)> wrapped{"refs.wrapped"};
constexpr Task<std::vector<Ref<int>>(std::vector<Ref<int>>)> passed_on{"refs.passed_on"};

struct Nested {
  int number = 0;
  std::vector<Ref<Nested>> next;
};
template <class Archive>
void fields(Archive& archive, Nested& value) {
  archive("nested", value.number, value.next);
}
constexpr Task<int(Nested)> depth_of{"refs.depth_of"};
constexpr Task<Nested()> comes_late{"refs.comes_late"};

struct Step {
  std::optional<Ref<Numbers>> before;
};
template <class Archive>
void fields(Archive& archive, Step& value) {
  archive("step", value.before);
}
constexpr Task<Numbers(Step)> one_more{"refs.one_more"};

using Batches = std::vector<Ref<Batch>>;
constexpr Task<double(std::vector<Ref<Batches>>)> total_of{"refs.total_of"};
constexpr Task<Numbers(std::size_t)> filled_late{"refs.filled_late"};

class Counter {
 public:
  int count(const std::vector<Ref<int>>& refs) const { return static_cast<int>(refs.size()); }
};
constexpr ActorType<Counter()> counter{"refs.Counter"};
constexpr Method<&Counter::count> count{"count"};

double sum(Session& session, const Batch& batch) {
  double total = 0;
  for (const auto& piece : batch.pieces) {
    const Numbers numbers = session.get(piece);
    total = std::accumulate(numbers.begin(), numbers.end(), total);
  }
  return total;
}

/// Keeps what it was handed beyond the call.
class Keeper {
 public:
  explicit Keeper(Context& context) : context_(context) {}
  void keep(const Batch& batch) { kept_ = batch; }
  double total() const { return sum(context_.session(), kept_); }
  Batch kept() const { return kept_; }

 private:
  Context& context_;
  Batch kept_;
};
constexpr ActorType<Keeper()> keeper{"refs.Keeper"};
constexpr Method<&Keeper::keep> keep{"keep"};
constexpr Method<&Keeper::total> total{"total"};
constexpr Method<&Keeper::kept> kept{"kept"};

void enroll(Catalog& catalog) {
  catalog.add(filled, [](std::size_t size, float value) { return Numbers(size, value); });
  catalog.add(fails, [](std::size_t) -> Numbers { throw std::runtime_error("not today"); });
  catalog.add(sum_of, [](Context& context, const Batch& batch) { return sum(context.session(), batch); });
  catalog.add(batch_of, [](Context& context, std::string name, std::size_t size) {
    Session& session = context.session();
    // What is put, what is still to be made, and nothing.
    Batch batch{std::move(name), {session.put(Numbers(size, 1.0f)), session.submit(filled, size, 2.0f)}, {}};
    batch.pieces.push_back(batch.pieces.back());
    return batch;
  });
  catalog.add(broken_batch, [](Context& context, Ref<std::string> note) {
    return Batch{"broken", {context.session().submit(fails, 1)}, std::move(note)};
  });
  catalog.add(many, [](Context& context, int count) {
    std::vector<Ref<int>> refs;
    for (int i = 0; i < count; ++i) refs.push_back(context.session().put(i));
    return refs;
  });
  catalog.add(wrapped, [](Context& context, const Batch& batch) {
    return std::vector{context.session().put(batch), context.session().put(batch)};
  });
  catalog.add(passed_on, [](std::vector<Ref<int>> refs) { return refs; });
  catalog.add(depth_of, [](Context& context, Nested nested) {
    int depth = 1;
    for (; !nested.next.empty(); nested = context.session().get(nested.next[0])) ++depth;
    return depth;
  });
  catalog.add(one_more, [](Context& context, const Step& step) {
    Numbers numbers = step.before ? context.session().get(*step.before) : Numbers(million);
    numbers[0] += 1;
    return numbers;
  });
  catalog.add(total_of, [](Context& context, const std::vector<Ref<Batches>>& all) {
    double total = 0;
    for (const auto& batches : all)
      for (const auto& batch : context.session().get(batches))
        total += sum(context.session(), context.session().get(batch));
    return total;
  });
  catalog.add(filled_late, [](std::size_t size) {
    std::this_thread::sleep_for(3s);  // Meanwhile its driver has heard that the node was lost.
    return Numbers(size, 1.0f);
  });
  catalog.add(comes_late, [] {
    std::this_thread::sleep_for(500ms);  // Meanwhile others are put that name it.
    return Nested();
  });
  catalog.add(keeper, keep, total, kept);
  catalog.add(counter, count);
}

/// Waits until the node's store keeps as many objects.
bool comes_to(std::size_t expected, const Cluster& cluster) {
  const auto give_up = std::chrono::steady_clock::now() + 20s;
  while (test::stored_objects(cluster).size() != expected) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(20ms);  // Nobody is told when an object is let go.
  }
  return true;
}

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("a task gets the Refs that stand in its argument, however they were made, once their values are there") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  const std::size_t size = GENERATE(std::size_t{3}, million);
  Batch batch{"mixed", {session.put(Numbers(size, 1.0f)), session.submit(filled, size, 2.0f)}, {}};
  const auto first = session.submit(sum_of, batch);
  CHECK(session.get(first) == 3.0 * static_cast<double>(size));
  // As something that is put, and twice the same.
  batch.pieces.push_back(batch.pieces.front());
  batch.note = session.put(std::string("note"));
  const auto put = session.put(batch);
  CHECK(session.get(session.submit(sum_of, put)) == 4.0 * static_cast<double>(size));
  const Batch own = session.get(put);
  CHECK(own.name == "mixed");
  CHECK(sum(session, own) == 4.0 * static_cast<double>(size));
  CHECK(session.get(*own.note) == "note");
}

TEST_CASE("Refs in a result name what the task has put and what its own tasks make, after it has ended") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  const std::size_t size = GENERATE(std::size_t{3}, million);
  {
    const auto made = session.submit(batch_of, std::string("of a task"), size);
    CHECK(session.get(session.submit(sum_of, made)) == 5.0 * static_cast<double>(size));
    Batch batch = session.get(made);
    CHECK(batch.name == "of a task");
    CHECK(!batch.note);
    CHECK(sum(session, batch) == 5.0 * static_cast<double>(size));
    CHECK(session.get(session.submit(sum_of, batch)) == 5.0 * static_cast<double>(size));
    // A result that nobody waits for.
    session.submit(batch_of, std::string("unwanted"), size);
  }
  CHECK(comes_to(0, cluster));
}

TEST_CASE("an actor keeps what a Ref names when its caller has let it go, and hands it back") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  const auto actor = session.spawn(keeper);
  session.get(actor.call(keep, Batch{"kept", {session.submit(filled, million, 0.5f)}, session.put(std::string("n"))}));
  CHECK(session.get(actor.call(total)) == 0.5 * million);
  CHECK(comes_to(1, cluster));
  const Batch back = session.get(actor.call(kept));
  session.get(actor.call(keep, Batch{}));
  CHECK(sum(session, back) == 0.5 * million);
  CHECK(session.get(*back.note) == "n");
}

TEST_CASE("10,000 Refs in one value, and Refs to values with Refs") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  const auto refs = session.get(session.submit(many, 10'000));
  REQUIRE(refs.size() == 10'000);
  CHECK(session.get(refs[9'999]) == 9'999);
  const Batch inner{"inner", {session.submit(filled, million, 1.0f)}, {}};
  CHECK(session.get(session.submit(passed_on, refs)).size() == 10'000);
  Nested nested{1, {}};
  for (int i = 0; i < 30; ++i) nested = {1, {session.put(nested)}};
  CHECK(session.get(session.submit(depth_of, nested)) == 31);
  for (const auto& each : session.get(session.submit(wrapped, inner))) {
    CHECK(session.get(session.submit(sum_of, each)) == million);
    CHECK(sum(session, session.get(each)) == million);
  }
}

TEST_CASE("a value with a Ref whose task failed is not made, and says why") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  const auto failed = session.submit(sum_of, Batch{"b", {session.put(Numbers(3)), session.submit(fails, 1)}, {}});
  CHECK_THAT(session.try_get(failed, 20s).error().message, Catch::Contains("not today"));
  const auto broken = session.submit(broken_batch, session.put(std::string("n")));
  CHECK_THAT(session.try_get(broken, 20s).error().message,
             Catch::Contains("a Ref in its result names") && Catch::Contains("not today"));
  const auto actor = session.spawn(keeper);
  const auto call = actor.call(keep, Batch{"b", {session.submit(fails, 1)}, {}});
  CHECK_THAT(session.try_get(call, 20s).error().message, Catch::Contains("not today"));
}

TEST_CASE("what a Ref in an argument names is made again where it was lost with its node") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  const Batch batch{"lost", {session.submit(filled, million, 2.0f)}, {}};
  const auto put = session.put(batch);
  CHECK(session.get(session.submit(sum_of, put)) == 2.0 * million);
  const auto result = session.submit(batch_of, std::string("made"), million);
  session.get(result);
  test::kill_agent(cluster);
  CHECK(session.get(session.submit(sum_of, put)) == 2.0 * million);
  CHECK(session.get(session.submit(sum_of, batch)) == 2.0 * million);
  CHECK(session.get(session.submit(sum_of, result)) == 5.0 * million);
  const auto lost = session.submit(sum_of, Batch{"put", {session.put(Numbers(million))}, {}});
  CHECK(session.get(lost) == 0);
}

TEST_CASE("a value with Refs that are still being made may be handed on at once, also one that is large itself") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  const auto put = session.put(Batch{std::string(100'000, 'x'), {session.submit(filled, million, 1.0f)}, {}});
  std::vector<Ref<double>> sums;
  for (int i = 0; i < 5; ++i) sums.push_back(session.submit(sum_of, put));
  for (const double each : session.get_all(sums)) CHECK(each == million);
  CHECK(session.get(put).name.size() == 100'000);
}

TEST_CASE("what names values that were lost and made again since is put together anew") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  const auto piece = session.submit(filled, million, 2.0f);
  const auto put = session.put(Batch{"lost", {piece}, {}});
  session.get(put);
  test::kill_agent(cluster);
  CHECK(session.get(piece).size() == million);
  CHECK(session.get(session.submit(sum_of, put)) == 2.0 * million);
}

TEST_CASE("what a value was made of is not kept for it, and is made again with it") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  Ref<Numbers> state = session.submit(one_more, Step{});
  for (int i = 1; i < 10; ++i) {
    state = session.submit(one_more, Step{state});
    session.get(state);
  }
  CHECK(comes_to(1, cluster));
  test::kill_agent(cluster);
  CHECK(session.get(state)[0] == 10);
}

TEST_CASE("a value fails where one of many that its Refs lead to was lost, and cannot be made again") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  const auto piece = session.put(Numbers(million));
  const auto batch = session.put(Batch{"pending", {piece, session.submit(filled_late, million)}, {}});
  const auto failed = session.submit(total_of, std::vector{session.put(std::vector{batch})});
  test::kill_agent(cluster);
  CHECK_THAT(session.try_get(failed, 60s).error().message, Catch::Contains("lost with its node"));
}

TEST_CASE("what is handed on by Refs is bounded, and empty ones are refused") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  std::vector<Ref<Numbers>> pieces(600, session.put(Numbers(15'000)));  // 60 kB each, in no store.
  const auto failed = session.submit(sum_of, Batch{"large", pieces, {}});
  CHECK_THAT(session.try_get(failed, 20s).error().message, Catch::Contains("bytes together that lie in no store"));
  const auto too_many = session.submit(passed_on, std::vector<Ref<int>>(70'000, session.put(1)));
  CHECK_THAT(session.try_get(too_many, 20s).error().message, Catch::Contains("has 70000 Refs in it, at most 65536"));
  Nested nested{1, {}};
  const auto nest = [&] {
    for (int i = 0; i < 40; ++i) nested = {1, {session.put(nested)}};
  };
  CHECK_THROWS_WITH(nest(), Catch::Contains("Refs lead on to Refs 33 times, at most 32"));
  auto waiting = session.submit(comes_late);
  const auto name_each_other = [&] {
    for (int i = 0; i < 40; ++i) waiting = session.put(Nested{i, {waiting}});
  };
  CHECK_THROWS_WITH(name_each_other(), Catch::Contains("Refs lead on to Refs 33 times, at most 32"));
  CHECK(session.get(session.submit(depth_of, session.get(waiting))) == 33);
  waiting = session.submit(comes_late);
  const auto name_twice = [&] {
    for (int i = 0; i < 30; ++i) waiting = session.put(Nested{i, {waiting, waiting}});
  };
  CHECK_THROWS_WITH(name_twice(), Catch::Contains("on more than 1048576 ways"));
  CHECK_THROWS_WITH(session.submit(sum_of, Ref<Batch>()), Catch::Contains("an empty Ref"));
  CHECK(session.try_get(Ref<int>()).error().fault == Fault::bad_input);
}

TEST_CASE("an actor whose calls are logged refuses Refs in their arguments, and goes on") {
  auto cluster = Cluster::local({.cpus = 2000});
  auto session = cluster.connect();
  const auto actor = session.spawn(ActorOptions{.restart = RestartMode::logged}, counter);
  const auto refused = actor.call(count, std::vector{session.put(1)});
  CHECK_THAT(session.try_get(refused, 20s).error().message, Catch::Contains("not Refs in them"));
  CHECK(session.get(actor.call(count, std::vector<Ref<int>>())) == 0);
}

TEST_CASE("a Ref is not kept where it would outlive its program") {
  CHECK_THROWS_WITH(encode_value(Ref<int>(std::make_shared<Object>("x", std::nullopt))),
                    Catch::Contains("a Ref cannot stand here"));
  CHECK(encode_value(Ref<int>()).size() == 1);
}
