// Values in shared memory, between a driver, its tasks and its actors.
#include <numeric>

#include <catch2/catch.hpp>

#include "scheduler/local/cluster.h"
#include "tests/support/local_agent.h"
#include "tests/support/test_roles.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

using Numbers = std::vector<float>;
using SharedNumbers = SharedArray<float>;

struct Where {
  std::uint64_t remainder = 1;  // Of the address by 64.
  double sum = 0;
};
template <class Archive>
void fields(Archive& archive, Where& value) {
  archive("where", value.remainder, value.sum);
}

constexpr Task<Numbers(std::size_t, float)> filled{"objects.filled"};
constexpr Task<SharedNumbers(SharedNumbers, float)> plus{"objects.plus"};
constexpr Task<Where(SharedNumbers)> look_at{"objects.look_at"};
constexpr Task<double(Numbers)> sum_of{"objects.sum_of"};
constexpr Task<std::string(std::size_t)> text{"objects.text"};

/// Keeps an array that it was handed.
class Keeper {
 public:
  void keep(const SharedNumbers& numbers) { kept_ = numbers; }
  double sum() const { return std::accumulate(kept_.begin(), kept_.end(), 0.0); }
  SharedNumbers kept() const { return kept_; }

 private:
  SharedNumbers kept_;
};
constexpr ActorType<Keeper()> keeper{"objects.Keeper"};
constexpr Method<&Keeper::keep> keep{"keep"};
constexpr Method<&Keeper::sum> sum{"sum"};
constexpr Method<&Keeper::kept> kept{"kept"};

Where where(const SharedNumbers& numbers) {
  return {reinterpret_cast<std::uintptr_t>(numbers.data()) % 64, std::accumulate(numbers.begin(), numbers.end(), 0.0)};
}

void enroll(Catalog& catalog) {
  catalog.add(filled, [](std::size_t size, float value) { return Numbers(size, value); });
  catalog.add(plus, [](const SharedNumbers& numbers, float more) {
    Numbers sums(numbers.begin(), numbers.end());
    for (float& each : sums) each += more;
    return SharedNumbers(std::move(sums));
  });
  catalog.add(look_at, where);
  catalog.add(sum_of, [](const Numbers& numbers) { return std::accumulate(numbers.begin(), numbers.end(), 0.0); });
  catalog.add(text, [](std::size_t size) { return std::string(size, 'x'); });
  catalog.add(keeper, keep, sum, kept);
}
constexpr std::size_t million = 1'000'000;  // Numbers: 4 MB.

}  // namespace

void play_test_role(int argc, char** argv) { play_role(argc, argv, enroll); }

TEST_CASE("large values go from task to task, to actors and back, and lie aligned in shared memory") {
  auto cluster = Cluster::local();
  auto session = cluster.connect();
  const Ref<Numbers> made = session.submit(filled, million, 0.5f);
  const Where seen = session.get(session.submit(look_at, made));
  CHECK(seen.remainder == 0);
  CHECK(seen.sum == million * 0.5);
  const SharedNumbers own = session.get(Ref<SharedNumbers>(made));
  CHECK(where(own).remainder == 0);
  CHECK(own.size() == million);
  CHECK(session.get(made) == Numbers(million, 0.5f));
  CHECK(session.get(session.submit(sum_of, session.submit(plus, made, 1.0f))) == million * 1.5);
  const auto actor = session.spawn(keeper);
  session.get(actor.call(keep, made));
  CHECK(session.get(actor.call(sum)) == million * 0.5);
  CHECK(session.get(actor.call(kept)).size() == million);
  CHECK(session.get(session.submit(text, 3 * million)) == std::string(3 * million, 'x'));
}

TEST_CASE("what is put is the same for everybody; large arguments are put by themselves") {
  auto cluster = Cluster::local();
  auto session = cluster.connect();
  Numbers numbers(million);
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  const double expected = std::accumulate(numbers.begin(), numbers.end(), 0.0);
  const auto ref = session.put(numbers);
  CHECK(session.get(ref) == numbers);
  CHECK(session.get(session.submit(look_at, ref)).sum == expected);
  CHECK(session.get(session.submit(look_at, numbers)).sum == expected);
  const auto actor = session.spawn(keeper);
  session.get(actor.call(keep, numbers));
  CHECK(session.get(actor.call(sum)) == expected);
  CHECK(session.get(session.put(std::string("small"))) == "small");
}

TEST_CASE("more values than memory for objects go to disk and come back") {
  auto cluster = Cluster::local({.object_bytes = 20 << 20});
  auto session = cluster.connect();
  std::vector<Ref<Numbers>> refs;
  for (int i = 0; i < 12; ++i) refs.push_back(session.submit(filled, million, static_cast<float>(i)));
  for (int i = 0; i < 12; ++i)
    CHECK(session.get(session.submit(sum_of, refs[static_cast<std::size_t>(i)])) == 1.0 * i * million);
  CHECK_THROWS_WITH(session.put(Numbers(6 * million)), Catch::Contains("the object store has no room for 22 MiB"));
}

TEST_CASE("a result that is lost with its node is made again, one that was put cannot be") {
  auto cluster = Cluster::local();
  auto session = cluster.connect();
  const Ref<Numbers> first = session.submit(filled, million, 1.0f);
  Ref<Numbers> put = session.put(Numbers(million, 2.0f));
  Ref<SharedNumbers> second;
  {
    // Nobody has the middle one but the recipe of the last.
    const Ref<SharedNumbers> middle = session.submit(plus, first, 1.0f);
    second = session.submit(plus, middle, 1.0f);
    CHECK(session.get(second)[0] == 3.0f);
  }
  test::kill_agent(cluster);
  CHECK(session.get(session.submit(sum_of, second)) == 3.0 * million);
  CHECK(session.get(second)[million - 1] == 3.0f);
  CHECK(session.get(first)[0] == 1.0f);
  CHECK_THROWS_WITH(session.get(put), Catch::Contains("only results of tasks can be made again"));
  CHECK_THROWS_WITH(session.get(session.submit(sum_of, put)),
                    Catch::Contains("only results of tasks can be made again"));
}

TEST_CASE("tasks that are under way when their argument is lost end as if nothing had happened") {
  auto cluster = Cluster::local();
  auto session = cluster.connect();
  const Ref<Numbers> made = session.submit(filled, million, 1.0f);
  session.wait(std::vector{made}, 1);
  std::vector<Ref<double>> sums;
  for (int i = 0; i < 40; ++i) sums.push_back(session.submit(sum_of, made));
  session.wait(sums, 1);
  test::kill_agent(cluster);
  for (const double each : session.get_all(sums)) CHECK(each == million);
}
