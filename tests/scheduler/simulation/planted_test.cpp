// The simulator is worth what it finds: each bug that is planted in the scheduler, one line each, is found.
#include <cstdio>

#include <catch2/catch.hpp>

#include "scheduler/simulation/world.h"

using namespace troupe::scheduler;

namespace {

constexpr std::uint64_t most_seeds = 1000;

/// The invariants that the bug may break, by their numbers.
void find(Planted planted, const std::vector<std::string>& invariants) {
  for (std::uint64_t seed = 1; seed <= most_seeds; ++seed) {
    const std::string broken = sim::simulate(seed, planted).broken;
    if (broken.empty()) continue;
    std::printf("found in seed %llu: %s\n", static_cast<unsigned long long>(seed), broken.c_str());
    bool is_named = false;
    for (const auto& invariant : invariants) is_named = is_named || broken.starts_with(invariant + ":");
    INFO("seed " << seed << " breaks " << broken);
    CHECK(is_named);
    return;
  }
  FAIL("not found in " << most_seeds << " seeds");
}

}  // namespace

TEST_CASE("found: a result is published without comparing its attempt", "[planted]") {
  find(Planted::publish_without_comparing_attempt, {"2", "16"});
}
TEST_CASE("found: a cancelled task's resources are freed before its node has stopped it", "[planted]") {
  find(Planted::resources_freed_at_cancel, {"4"});
}
TEST_CASE("found: a gang is reserved one by one", "[planted]") { find(Planted::gang_reserved_one_by_one, {"5", "15"}); }
TEST_CASE("found: a stopped attempt keeps its resources", "[planted]") {
  find(Planted::stopped_attempt_keeps_its_resources, {"15", "16"});
}
TEST_CASE("found: a cancel is lost in a race with the dispatch", "[planted]") {
  find(Planted::cancel_lost_in_race_with_dispatch, {"11"});
}
TEST_CASE("found: the successors of a failed task are left waiting", "[planted]") {
  find(Planted::successors_of_failed_left_waiting, {"15"});
}
TEST_CASE("found: a lost order is never given again", "[planted]") {
  find(Planted::lost_order_never_given_again, {"15"});
}
TEST_CASE("found: a lost stop is never given again", "[planted]") {
  find(Planted::lost_stop_never_given_again, {"15", "16"});
}
TEST_CASE("found: a restarted scheduler waits for ever for what ran", "[planted]") {
  find(Planted::adoption_timer_not_armed, {"15"});
}
TEST_CASE("found: a restarted scheduler counts attempts from the start", "[planted]") {
  find(Planted::attempt_counter_reset_by_restart, {"3"});
}
TEST_CASE("found: the decision on a branch is not stored", "[planted]") {
  find(Planted::branch_decision_not_stored, {"3", "13"});
}
TEST_CASE("found: a restarted scheduler forgets that an attempt is not due yet", "[planted]") {
  find(Planted::retry_delay_forgotten_at_restart, {"3"});
}
TEST_CASE("found: the result of a failed task is given to others", "[planted]") {
  find(Planted::cached_result_of_failed_task, {"2"});
}
TEST_CASE("found: a scheduler that was stopped takes its own lateness for the silence of nodes", "[planted]") {
  find(Planted::own_lateness_taken_for_silence, {"Q"});
}
