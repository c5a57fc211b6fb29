// A struct as an argument, and what becomes of a task that throws.
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "scheduler/local/cluster.h"

struct Order {
  std::string fruit;
  int pieces = 0;
};

template <class Archive>
void fields(Archive& archive, Order& order) {  // How it crosses from process to process.
  archive("order", order.fruit, order.pieces);
}

inline constexpr troupe::Task<double(std::vector<Order>)> price_of{"shop.price_of"};

double price(const std::vector<Order>& orders) {
  double sum = 0;
  for (const auto& [fruit, pieces] : orders) {
    if (pieces < 0) throw std::invalid_argument("no customer orders " + std::to_string(pieces) + ' ' + fruit);
    sum += 0.5 * pieces;
  }
  return sum;
}

void enroll(troupe::Catalog& catalog) { catalog.add(price_of, price); }

int main(int argc, char** argv) {
  troupe::play_role(argc, argv, enroll);
  auto cluster = troupe::Cluster::local();
  auto session = cluster.connect();
  const std::vector<Order> basket{{"apples", 2}, {"pears", 3}};
  std::printf("%.2f\n", session.get(session.submit(price_of, basket)));
  try {
    session.get(session.submit(price_of, std::vector<Order>{{"apples", -1}}));
  } catch (const troupe::TaskFailed& failed) {
    std::printf("%s\n", failed.what());  // Task, node, attempt and cause; or ask failed.failure() for them.
  }
}
