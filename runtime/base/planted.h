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
  restarted_node_keeps_its_attempts,
  orphans_never_stopped,
  gang_goes_on_without_a_member,
  attempts_without_bound,
  dead_drivers_tasks_go_on,
  ties_broken_by_address,
  branch_decision_not_stored,
  given_ahead_never_booked,
  retry_delay_forgotten_at_restart,
  cached_result_of_failed_task,
  drained_node_given_work,
  tasks_added_by_ended_task,
  join_ends_with_the_first_before_it,
  published_before_what_it_awaited,
  what_awaited_others_adopted,
  nothing_kept_for_the_patient,
  fair_share_forgets_what_runs,
  unknown_actor_taken_for_ended,
  ended_actor_waited_for,
  // scheduler/sync
  same_token_granted_again,
  token_restarts_with_scheduler,
  turn_of_tasks_under_a_new_token,
  permits_of_the_lost_kept,
  message_dropped_on_delivery,
  late_duplicate_carried_out,
  sent_before_forgotten_at_restart,
  queue_without_a_limit,
  // scheduler/service
  acknowledged_before_commit,
  sends_released_with_the_batch_before,
  lease_against_wall_clock,
  // scheduler/store
  committed_without_comparing_epoch,
  nil_exec_retried,
  watch_not_renewed_after_exec,
  unknown_exec_taken_as_success,
  unknown_exec_taken_as_failure,
  loaded_before_taking_the_epoch,
  // runtime/base, runtime/agent
  gpu_shares_summed_over_devices,
  labels_ignored,
  copied_order_starts_a_second,
  ended_attempts_forgotten,
  stop_before_its_order_forgotten,
  older_epoch_obeyed,
  seen_store_forgotten_at_restart,
  roll_back_checked_by_epoch_alone,
  cluster_id_unchecked,
  unknown_attempt_awaited_for_ever,
  failed_input_taken_for_done,
  any_result_ends_the_wait,
  cpus_kept_while_waiting,
  lent_cpus_never_taken_again,
  workers_start_waited_for,
  silent_worker_waited_for,
  sharers_outlive_their_worker,
  sharers_blamed_for_another,
  unending_sharer_waited_for,
  // scheduler/simulation: a client's part
  retry_under_a_new_request,
};

}  // namespace troupe
