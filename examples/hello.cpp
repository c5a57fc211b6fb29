// One task on a local cluster: the first program.
#include <iostream>
#include <string>

#include "scheduler/local/cluster.h"

inline constexpr troupe::Task<std::string(std::string)> greet{"hello.greet"};

void enroll(troupe::Catalog& catalog) {
  catalog.add(greet, [](const std::string& name) { return "hello, " + name; });
}

int main(int argc, char** argv) {
  troupe::play_role(argc, argv, enroll);  // Returns in the driver; a worker of this program never gets past it.
  auto cluster = troupe::Cluster::local();
  auto session = cluster.connect();
  std::cout << session.get(session.submit(greet, "world")) << '\n';
}
