// A driver that adds a number to what a detached actor has, whose calls are logged, and prints the sum; the first one
// spawns it. Arguments: the cluster file, the number.
#include <iostream>
#include <string>

#include "scheduler/local/roles.h"
#include "scheduler/local/standing.h"

using namespace troupe;

namespace {

class Ledger {
 public:
  int add(int number) { return sum_ += number; }

 private:
  int sum_ = 0;
};

constexpr ActorType<Ledger()> ledger{"detached.Ledger"};
constexpr Method<&Ledger::add> add{"add"};

void enroll(Catalog& catalog) { catalog.add(ledger, add); }

}  // namespace

int main(int argc, char** argv) {
  play_role(argc, argv, enroll);
  const auto file = scheduler::read_cluster_file(argv[1]);
  if (!file) return 1;
  auto session = scheduler::connect(*file);
  if (!session) return 1;
  const ActorOptions options{
      .max_restarts = -1, .name = "book", .registers_name = true, .name_space = "shop", .restart = RestartMode::logged};
  auto actor = session->find_or_spawn_detached(options, ledger);
  if (!actor) return 1;
  std::cout << session->get(actor->call(add, std::stoi(argv[2]))) << std::endl;
}
