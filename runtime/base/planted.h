// Known bugs, one line of product code each, that a test switches on to prove that the simulator finds them. A running
// cluster never does.
#pragma once

#include <cstdint>

namespace troupe {

enum class Planted : std::uint8_t {
  none,
  // scheduler/core
  publish_without_comparing_attempt,
  resources_freed_at_cancel,
  gang_reserved_one_by_one,
  stopped_attempt_keeps_its_resources,
  cancel_lost_in_race_with_dispatch,
  successors_of_failed_left_waiting,
  lost_order_never_given_again,
  lost_stop_never_given_again,
  adoption_timer_not_armed,
  attempt_counter_reset_by_restart,
  own_lateness_taken_for_silence,
  // scheduler/service
  acknowledged_before_commit,
  lease_against_wall_clock,
  // scheduler/store
  committed_without_comparing_epoch,
  nil_exec_retried,
  watch_not_renewed_after_exec,
  unknown_exec_taken_as_success,
  loaded_before_taking_the_epoch,
  // runtime/base, runtime/agent
  roll_back_checked_by_epoch_alone,
  cluster_id_unchecked,
};

}  // namespace troupe
