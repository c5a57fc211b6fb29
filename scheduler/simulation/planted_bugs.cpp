#include "scheduler/simulation/planted_bugs.h"

#include "scheduler/simulation/simulation.h"

namespace troupe::scheduler::sim {
namespace {

constexpr PlantedBug table[] = {
    {Planted::publish_without_comparing_attempt, "publish_without_comparing_attempt", "2 3 16 Q"},
    {Planted::resources_freed_at_cancel, "resources_freed_at_cancel", "4 15 16"},
    {Planted::gang_reserved_one_by_one, "gang_reserved_one_by_one", "5 15"},
    {Planted::stopped_attempt_keeps_its_resources, "stopped_attempt_keeps_its_resources", "15 16"},
    {Planted::cancel_lost_in_race_with_dispatch, "cancel_lost_in_race_with_dispatch", "11"},
    {Planted::successors_of_failed_left_waiting, "successors_of_failed_left_waiting", "3 15"},
    {Planted::lost_order_never_given_again, "lost_order_never_given_again", "15"},
    {Planted::lost_stop_never_given_again, "lost_stop_never_given_again", "15 16"},
    {Planted::adoption_timer_not_armed, "adoption_timer_not_armed", "15"},
    {Planted::attempt_counter_reset_by_restart, "attempt_counter_reset_by_restart", "3"},
    {Planted::own_lateness_taken_for_silence, "own_lateness_taken_for_silence", "1 18 Q"},
    {Planted::same_token_granted_again, "same_token_granted_again", "8 18"},
    {Planted::token_restarts_with_scheduler, "token_restarts_with_scheduler", "8 18"},
    {Planted::turn_of_tasks_under_a_new_token, "turn_of_tasks_under_a_new_token", "8"},
    {Planted::permits_of_the_lost_kept, "permits_of_the_lost_kept", "18"},
    {Planted::message_dropped_on_delivery, "message_dropped_on_delivery", "18"},
    {Planted::late_duplicate_carried_out, "late_duplicate_carried_out", "1 18"},
    {Planted::committed_without_comparing_epoch, "committed_without_comparing_epoch", "2 3 9"},
    {Planted::nil_exec_retried, "nil_exec_retried", "9"},
    {Planted::watch_not_renewed_after_exec, "watch_not_renewed_after_exec", "9"},
    {Planted::unknown_exec_taken_as_success, "unknown_exec_taken_as_success", "1 13 18"},
    {Planted::loaded_before_taking_the_epoch, "loaded_before_taking_the_epoch", "13"},
    {Planted::acknowledged_before_commit, "acknowledged_before_commit", "1"},
    {Planted::lease_against_wall_clock, "lease_against_wall_clock", "Q 15"},
    {Planted::roll_back_checked_by_epoch_alone, "roll_back_checked_by_epoch_alone", "14"},
    {Planted::restarted_node_keeps_its_attempts, "restarted_node_keeps_its_attempts", "15 16"},
    {Planted::orphans_never_stopped, "orphans_never_stopped", "15 16"},
    {Planted::gang_goes_on_without_a_member, "gang_goes_on_without_a_member", "5 15"},
    {Planted::attempts_without_bound, "attempts_without_bound", "3"},
    {Planted::dead_drivers_tasks_go_on, "dead_drivers_tasks_go_on", "15 16"},
    {Planted::ties_broken_by_address, "ties_broken_by_address", "17"},
    {Planted::sends_released_with_the_batch_before, "sends_released_with_the_batch_before", "1"},
    {Planted::copied_order_starts_a_second, "copied_order_starts_a_second", "1 4"},
    {Planted::ended_attempts_forgotten, "ended_attempts_forgotten", "1"},
    {Planted::stop_before_its_order_forgotten, "stop_before_its_order_forgotten", "15 16"},
    {Planted::older_epoch_obeyed, "older_epoch_obeyed", "14"},
    {Planted::seen_store_forgotten_at_restart, "seen_store_forgotten_at_restart", "14"},
    {Planted::given_ahead_never_booked, "given_ahead_never_booked", "4"},
    {Planted::branch_decision_not_stored, "branch_decision_not_stored", "1 3 13 15"},
    {Planted::retry_delay_forgotten_at_restart, "retry_delay_forgotten_at_restart", "3"},
    {Planted::cached_result_of_failed_task, "cached_result_of_failed_task", "2"},
    {Planted::drained_node_given_work, "drained_node_given_work", "4 13"},
    {Planted::tasks_added_by_ended_task, "tasks_added_by_ended_task", "3"},
    {Planted::join_ends_with_the_first_before_it, "join_ends_with_the_first_before_it", "3"},
    {Planted::published_before_what_it_awaited, "published_before_what_it_awaited", "2 3"},
    {Planted::what_awaited_others_adopted, "what_awaited_others_adopted", "2"},
    {Planted::unknown_attempt_awaited_for_ever, "unknown_attempt_awaited_for_ever", "15"},
    {Planted::failed_input_taken_for_done, "failed_input_taken_for_done", "3"},
    {Planted::any_result_ends_the_wait, "any_result_ends_the_wait", "3"},
    {Planted::cpus_kept_while_waiting, "cpus_kept_while_waiting", "15"},
    {Planted::lent_cpus_never_taken_again, "lent_cpus_never_taken_again", "4"},
    {Planted::cluster_id_unchecked, "cluster_id_unchecked", "14"},
    {Planted::workers_start_waited_for, "workers_start_waited_for", "15"},
    {Planted::silent_worker_waited_for, "silent_worker_waited_for", "15"},
    {Planted::sharers_outlive_their_worker, "sharers_outlive_their_worker", "3"},
    {Planted::sharers_blamed_for_another, "sharers_blamed_for_another", "3"},
    {Planted::unending_sharer_waited_for, "unending_sharer_waited_for", "15"},
    {Planted::gpu_shares_summed_over_devices, "gpu_shares_summed_over_devices", "4"},
    {Planted::sent_before_forgotten_at_restart, "sent_before_forgotten_at_restart", "1"},
    {Planted::queue_without_a_limit, "queue_without_a_limit", "12"},
    {Planted::unknown_exec_taken_as_failure, "unknown_exec_taken_as_failure", "1 13 18"},
    {Planted::retry_under_a_new_request, "retry_under_a_new_request", "1"},
    {Planted::labels_ignored, "labels_ignored", "4"},
    {Planted::nothing_kept_for_the_patient, "nothing_kept_for_the_patient", "15"},
    {Planted::fair_share_forgets_what_runs, "fair_share_forgets_what_runs", "15"},
    {Planted::unknown_actor_taken_for_ended, "unknown_actor_taken_for_ended", "16"},
    {Planted::ended_actor_waited_for, "ended_actor_waited_for", "16"},
};

bool may_break(const PlantedBug& bug, std::string_view broken) {
  const std::string_view name = broken.substr(0, broken.find(':'));
  for (std::size_t at = 0; at < bug.breaks.size();) {
    const std::size_t end = std::min(bug.breaks.find(' ', at), bug.breaks.size());
    if (bug.breaks.substr(at, end - at) == name) return true;
    at = end + 1;
  }
  return false;
}

}  // namespace

std::span<const PlantedBug> planted_bugs() { return table; }

const PlantedBug* find_planted_bug(std::string_view name) {
  for (const auto& bug : table)
    if (bug.name == name) return &bug;
  return nullptr;
}

Hunt hunt(const PlantedBug& bug, std::uint64_t first, std::uint64_t most) {
  Hunt hunt;
  for (hunt.seed = first; hunt.seeds_tried < most; ++hunt.seed) {
    ++hunt.seeds_tried;
    const Scenario scenario = draw_scenario(hunt.seed, {.planted = bug.bug});
    const Outcome outcome = simulate(scenario);
    hunt.invariant = outcome.broken;
    if (hunt.invariant.empty() && bug.breaks == "17" && simulate(scenario).hash != outcome.hash)
      hunt.invariant = "17: two runs of one scenario differ";
    if (hunt.invariant.empty()) continue;
    hunt.found = may_break(bug, hunt.invariant);
    return hunt;
  }
  return hunt;
}

}  // namespace troupe::scheduler::sim
