// Known bugs, one line of product code each, that a test switches on to prove that the simulator finds them. A running
// cluster never does.
#pragma once

#include <cstdint>

namespace troupe::scheduler {

enum class Planted : std::uint8_t {
  none,
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
  branch_decision_not_stored,
  retry_delay_forgotten_at_restart,
  cached_result_of_failed_task,
};

}  // namespace troupe::scheduler
