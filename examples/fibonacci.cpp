// Tasks that start tasks: each waits for two others, and lends them its cpu meanwhile, so that any number fits one cpu.
#include <iostream>
#include <string>

#include "scheduler/local/cluster.h"

inline constexpr troupe::Task<int(int)> fibonacci{"fibonacci.fibonacci"};

void enroll(troupe::Catalog& catalog) {
  catalog.add(fibonacci, [](troupe::Context& context, int n) {
    if (n < 2) return n;
    auto& session = context.session();
    const auto before = session.submit(fibonacci, n - 1);
    const auto before_that = session.submit(fibonacci, n - 2);
    return session.get(before) + session.get(before_that);
  });
}

int main(int argc, char** argv) {
  troupe::play_role(argc, argv, enroll);
  auto cluster = troupe::Cluster::local({.cpus = 1000});
  auto session = cluster.connect();
  const int n = argc > 1 ? std::stoi(argv[1]) : 10;
  std::cout << "fibonacci(" << n << ") = " << session.get(session.submit(fibonacci, n)) << '\n';
}
