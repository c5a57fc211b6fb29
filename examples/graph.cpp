// A graph built in code, printed, handed over as one: accepted means on disk.
#include <iostream>
#include <string>
#include <vector>

#include "scheduler/local/cluster.h"

inline constexpr troupe::Task<long(long, long)> sum_of_squares{"graph.sum_of_squares"};
inline constexpr troupe::Task<long(long, long)> add{"graph.add"};

void enroll(troupe::Catalog& catalog) {
  catalog.add(sum_of_squares, [](long from, long to) {
    long sum = 0;
    for (long i = from; i < to; ++i) sum += i * i;
    return sum;
  });
  catalog.add(add, [](long a, long b) { return a + b; });
}

int main(int argc, char** argv) {
  troupe::play_role(argc, argv, enroll);
  troupe::TaskGraph graph("squares");
  std::vector<troupe::GraphTask<long>> level;
  for (long i = 0; i < 4; ++i) level.push_back(graph.add(sum_of_squares, 250 * i, 250 * (i + 1)));
  while (level.size() > 1) {  // A tree of sums: each comes after two, and is handed their results.
    std::vector<troupe::GraphTask<long>> next;
    for (std::size_t i = 0; i < level.size(); i += 2) next.push_back(graph.add(add, level[i], level[i + 1]));
    level = std::move(next);
  }
  std::cout << graph.to_text();

  auto cluster = troupe::Cluster::local();
  auto session = cluster.connect();
  const auto submitted = session.submit(graph);
  std::cout << session.get(submitted[level.front()]) << '\n';
}
