#include "tools/cli/bench/gangs.h"

#include <cstdio>
#include <tuple>
#include <vector>

#include "tools/cli/bench/place.h"
#include "tools/cli/bench/rates.h"

namespace troupe::cli {
namespace {

constexpr std::size_t gangs_of_a_round = 100;
constexpr const char* resource = "custom";
constexpr Milli units_of_the_resource = 100'000;
constexpr std::chrono::milliseconds answer_limit{30'000};

class Member {
 public:
  bool is_up() { return true; }
};
inline constexpr ActorType<Member()> member{"bench.Member"};
inline constexpr Method<&Member::is_up> is_up{"is_up"};

/// Creates all, waits for each, removes all: the scheduler has heard of that when this returns.
void create_and_remove(Session& session) {
  const GangOptions gang{.size = 1, .each = {.needs = {.cpus = 0, .named = {{resource, 1}}}, .shares_worker = true}};
  std::vector<Actor<Member>> members;
  for (std::size_t i = 0; i < gangs_of_a_round; ++i)
    members.push_back(session.spawn_gang(gang, member, [](std::uint32_t) { return std::tuple(); }).front());
  std::vector<Ref<bool>> up;
  for (const auto& each : members) up.push_back(each.call(is_up));
  session.get_all(up);
  members.clear();
  if (const auto told = session.core().ask_status(answer_limit); !told) throw ClusterError(told.error());
}

}  // namespace

void enroll_gangs_bench(Catalog& catalog) { catalog.add(member, is_up); }

void bench_gangs(Bench& bench) {
  std::fprintf(
      stderr,
      "scheduler: %s: %zu gangs of one member that needs 0.001 of the resource '%s', up and answering, then "
      "removed; through driver, scheduler, agent and worker, each a process; a member is an actor in a process "
      "that others share, so more is done than to reserve; nothing durable\n",
      gangs_measurement, gangs_of_a_round, resource);
  BenchPlace place(bench, "scheduler", {.named = {{resource, units_of_the_resource}}});
  if (!place.has_resource(resource))
    throw BenchRefused(std::string(gangs_measurement) + ": no node has the resource '" + resource +
                       "': start one by 'troupe start --resource " + resource + "=100', or leave --cluster out");
  Session& session = place.session();
  create_and_remove(session);
  measure_rate(bench, {"scheduler", gangs_measurement, gangs_of_a_round}, [&] { create_and_remove(session); });
}

}  // namespace troupe::cli
