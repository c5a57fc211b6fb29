// Tasks whose results flow into an actor: pi by throwing darts, counted by one that keeps the sum.
#include <iostream>
#include <random>

#include "scheduler/local/cluster.h"

class Counter {
 public:
  explicit Counter(long start) : sum_(start) {}
  long add(long amount) { return sum_ += amount; }

 private:
  long sum_;
};

inline constexpr troupe::Task<long(int, long)> count_inside{"pi.count_inside"};
inline constexpr troupe::ActorType<Counter(long)> counter{"pi.Counter"};
inline constexpr troupe::Method<&Counter::add> add{"add"};

long inside_circle(int seed, long samples) {
  std::mt19937_64 random(static_cast<unsigned>(seed));
  std::uniform_real_distribution<double> side(-1, 1);
  long inside = 0;
  for (long i = 0; i < samples; ++i) {
    const double x = side(random);
    const double y = side(random);
    inside += x * x + y * y <= 1 ? 1 : 0;
  }
  return inside;
}

void enroll(troupe::Catalog& catalog) {
  catalog.add(count_inside, inside_circle);
  catalog.add(counter, add);
}

int main(int argc, char** argv) {
  troupe::play_role(argc, argv, enroll);
  auto cluster = troupe::Cluster::local();
  auto session = cluster.connect();
  auto total = session.spawn(counter, 0L);
  troupe::Ref<long> sum = session.put(0L);
  for (int seed = 0; seed < 16; ++seed) {
    auto inside = session.submit({.max_attempts = 3}, count_inside, seed, 250'000L);
    sum = total.call(add, inside);  // An argument may be a Ref: no waiting.
  }
  std::cout << 4.0 * static_cast<double>(session.get(sum)) / 4'000'000 << '\n';
}
