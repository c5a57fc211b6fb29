"""What chaos finds of gangs, locks, branches, loops, priorities, cancels, losses and messages: as chaos_test.py."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from chaos_case import NODE_IDS, Case, OfOneGraph, attempt, row  # finds chaos, too
from chaos import losses, together, work  # noqa: E402
from chaos.faults import Hurt  # noqa: E402
from chaos.messages import check_messages, said  # noqa: E402


class Together(OfOneGraph):
    """Gangs, locks, branches, loops, priorities, cancels."""

    def one(self, **more):
        """The graph has one task."""
        self.graph.tasks = {"one": work.Task("one", [], 10, 1, **{"sum": 1, **more})}

    def gang(self, *members):
        """(attempts of rank 0), (attempts of rank 1), …: (number, started, ended, end)"""
        self.graph.tasks = {f"gang[{rank}]": work.Task(f"gang[{rank}]", [], 10, 1, gang="gang", sum=2)
                            for rank in range(len(members))}
        rows = [row(f"gang[{rank}]", attempts=[{**attempt(number, end), "started": f"{began}", "ended": f"{ended}"}
                                               for number, began, ended, end in attempts])
                for rank, attempts in enumerate(members)]
        self.rounds = together.check_gangs(rows, self.graphs, self.findings)
        return self.findings.lines

    def test_a_gang_that_starts_together_and_again_together_is_no_finding(self):
        lines = self.gang([(1, 10, 20, "failed"), (2, 30, 40, "done")], [(1, 10, 20, "cancelled"), (2, 30, 41, "done")])
        self.assertEqual((lines, self.rounds), ([], 2))

    def test_a_member_that_is_done_stays_so_when_the_others_start_again(self):
        self.assertEqual(self.gang([(1, 10, 15, "done")], [(1, 10, 20, "failed"), (2, 30, 40, "done")]), [])

    def test_a_member_that_starts_alone_is_found(self):
        self.assertIn("gang[1] was not there", self.gang([(1, 10, 20, "done")], [(1, 11, 20, "done")])[0])

    def test_a_member_that_goes_on_without_another_is_found(self):
        lines = self.gang([(1, 10, 20, "lost"), (2, 30, 40, "done")], [(1, 10, 35, "done")])
        self.assertTrue(any("gang[1] went on after 20" in line for line in lines), lines)

    def test_a_member_that_is_done_and_runs_again_is_found(self):
        lines = self.gang([(1, 10, 20, "done"), (2, 30, 40, "done")], [(1, 10, 20, "lost"), (2, 30, 40, "done")])
        self.assertTrue(any("gang[0] was done when" in line for line in lines), lines)

    def holds(self, *holds, hurts=(), **needs):
        """(task, started, ended, token)"""
        self.graph.tasks = {name: work.Task(name, [], 10, 1, sum=1, **needs) for name, *_ in holds}
        for number, (name, began, ended, token) in enumerate(holds):
            with open(self.trace.path, "a") as file:
                print(f"S g1 {name} 1.1 {number} {int(began * 1e9)} {token}", file=file)
                print(f"E g1 {name} 1.1 {number} {int(ended * 1e9)}", file=file)
        self.trace.read()
        together.Holds([row(name) for name, *_ in holds], self.graphs, self.trace, hurts, NODE_IDS).check(self.findings)
        return self.findings.lines

    def test_holders_one_after_another_are_no_finding(self):
        self.assertEqual(self.holds(("a", 1, 2, 5), ("b", 2.1, 3, 6), locks=["lock-a", "lock-b"]), [])

    def test_two_holders_of_a_lock_are_found_unless_the_node_was_silent(self):
        self.assertIn("lock-a: g1/b attempt 1.1 began beside ['g1/a",
                      self.holds(("a", 1, 3, 5), ("b", 2, 4, 6), locks=["lock-a"])[0])

    def test_two_holders_of_a_lock_may_be_where_the_node_was_silent(self):
        hurts = [Hurt("head", 1.5, 2.9)]
        self.assertEqual(self.holds(("a", 1, 3, 5), ("b", 2, 4, 6), locks=["lock-a"], hurts=hurts), [])

    def test_an_outdated_holder_may_begin_as_its_node_wakes_and_no_other(self):
        hurts = [Hurt("head", 0.5, 1.9)]
        self.assertEqual(self.holds(("a", 2, 4, 7), ("b", 2.5, 2.6, 6), locks=["lock-a"], hurts=hurts), [])
        self.assertIn("lock-a: g1/d attempt 1.1 began beside ['g1/c",
                      self.holds(("c", 2, 4, 17), ("d", 2.5, 2.6, 18), locks=["lock-a"], hurts=hurts)[0])

    def test_as_many_holders_of_a_semaphore_as_permits_are_no_finding(self):
        self.assertEqual(self.holds(("a", 1, 4, 5), ("b", 2, 4, 6), semaphores={"seats": 2}), [])

    def test_more_holders_of_a_semaphore_than_permits_are_found(self):
        three = ("a", 1, 4, 5), ("b", 2, 4, 6), ("c", 3, 4, 7)
        self.assertIn("seats: g1/c attempt 1.1 began beside", self.holds(*three, semaphores={"seats": 2})[0])

    def test_a_token_that_does_not_grow_or_is_not_there_is_found(self):
        lines = self.holds(("a", 1, 2, 7), ("b", 3, 4, 6), ("c", 5, 6, 0), locks=["lock-b"])
        self.assertIn("lock-b: g1/b attempt 1.1 has the token 6, and g1/a attempt 1.1 before it had 7", lines[0])
        self.assertIn("lock-b: g1/c attempt 1.1 has no token", lines[1])

    def cancel(self, at, state="cancelled", attempts=(), how="T"):
        self.one(is_cancelled=True)
        self.graph.cancel_asked, self.graph.cancelled_at = True, at
        for number, (began, ended) in enumerate(attempts, 1):
            self.ran("one", f"1.{number}", began, ended, how=how)
        rows = [row(state=state, attempts=[attempt(number, "cancelled") for number in range(1, len(attempts) + 1)])]
        together.check_cancels(rows, self.graphs, self.trace, (), NODE_IDS, self.findings)
        self.check(rows)
        return self.findings.lines

    def test_a_task_that_is_stopped_by_its_cancel_is_no_finding(self):
        self.assertEqual(self.cancel(10, attempts=[(9, 10.1)]), [])

    def test_an_attempt_that_starts_after_the_cancel_or_goes_on_is_found(self):
        self.assertIn("ran from 9.000 s after it was cancelled", self.cancel(10, attempts=[(19, 19.1)])[0])

    def test_an_attempt_that_goes_on_after_the_cancel_is_found(self):
        self.assertIn("to 30.000 s after that (done)", self.cancel(10, attempts=[(9, 40)], how="E")[0])

    def test_a_cancel_that_nobody_asked_for_is_found(self):
        self.one()
        self.assert_finds("one is cancelled", [row(state="cancelled", attempts=[])])

    def test_a_task_that_is_open_after_its_cancel_was_answered_is_found(self):
        self.one(is_cancelled=True)
        self.graph.cancelled_at = 4
        self.findings.take_reading([row(state="running", attempts=[])], 3, self.graphs)
        self.assertEqual(self.findings.lines, [])
        self.findings.take_reading([row(state="running", attempts=[])], 5, self.graphs)
        self.assertIn("one was cancelled, and is running", self.findings.lines[0])

    def branches(self, high="done", low="skipped", join="done", low_attempts=()):
        before = {"one": [], "high": ["one"], "low": ["one"], "join": ["high", "low"]}
        self.graph.tasks = {name: work.Task(name, after, 10, 1, sum=1, is_untaken=name == "low")
                            for name, after in before.items()}
        rows = [row("one"), row("high", high), row("low", low, list(low_attempts)), row("join", join)]
        for each in rows:
            if each["state"] == "done":
                self.ran(each["task"], "1.1", 1, 1.5)
                each["result"] = {"attempt": "1.1", "sum": 1}
            elif not low_attempts:
                each["attempts"] = []
        return self.check(rows)

    def test_a_branch_that_is_not_taken_and_what_joins_it_are_no_finding(self):
        self.assertEqual(self.branches(), [])

    def test_a_branch_that_runs_though_it_is_not_taken_is_found(self):
        self.assertIn("low is done (None), expected skipped", self.branches(low="done", low_attempts=[attempt(1)])[0])

    def test_a_branch_that_is_skipped_though_it_is_taken_is_found(self):
        self.assertIn("high is skipped (None), expected done", self.branches(high="skipped", join="skipped")[0])

    def test_what_is_skipped_has_no_attempts(self):
        self.assertIn("low is skipped and has 1 attempts", self.branches(low_attempts=[attempt(1, "lost")])[0])

    def loop(self, *numbers, below=3, at_most=4, iteration=None):
        self.one(at_most=at_most, repeats_below=below)
        for number in numbers:
            self.ran("one", f"1.{number}", number, number + 0.5)
        iteration = len(numbers) - 1 if iteration is None else iteration
        return self.check([{**row(attempts=[attempt(number) for number in numbers]), "iteration": iteration}])

    def test_a_loop_that_runs_as_often_as_its_condition_says_is_no_finding(self):
        for numbers in ((1, 2, 3), (2, 5), (3,)):
            self.setUp()
            self.assertEqual(self.loop(*numbers), [])
        self.setUp()
        self.assertEqual(self.loop(1, 2, 3, 4, below=99), [])

    def test_a_loop_that_ends_early_or_late_is_found(self):
        self.assertIn("was done 2 times ([1, 2]), is in iteration 2, expected 4", self.loop(1, 2)[0])

    def test_a_loop_that_goes_on_is_found(self):
        self.assertIn("was done 4 times", self.loop(1, 2, 3, 4)[0])

    def preempted(self, cause, **more):
        self.one(priority=-1, **more)
        self.ran("one", "1.1", 1, 1.2, how="T")
        self.ran("one", "1.2", 2, 2.5)
        return self.check([row(attempts=[{**attempt(1, "preempted"), "cause": cause}, attempt(2)])])

    def test_what_made_room_for_a_higher_priority_is_no_finding(self):
        self.assertEqual(self.preempted("made room for task 'x' of priority 5", is_preemptible=True), [])

    def test_what_made_room_and_need_not_is_found(self):
        self.assertIn("has ended as preempted", self.preempted("made room for task 'x' of priority 5")[0])

    def test_what_made_room_for_a_lower_priority_is_found(self):
        self.assertIn("has ended as preempted",
                      self.preempted("made room for task 'x' of priority -1", is_preemptible=True)[0])

    def test_what_was_told_to_end_and_is_counted_as_a_failure_is_found(self):
        self.one()
        self.ran("one", "1.1", 1, 1.2, how="T")
        self.ran("one", "1.2", 2, 2.5)
        rows = [row(attempts=[attempt(1, "failed"), attempt(2)])]
        self.assert_finds("1.1 was told to end, and has ended as failed", rows)

    # ---- losses ----

    def lose(self, *nodes, state="failed", hurts=()):
        attempts = [attempt(number, "lost", node) for number, node in enumerate(nodes, 1)]
        losses.check_losses([row(state=state, attempts=attempts, result={})], hurts, NODE_IDS, 0, self.findings)
        return self.findings.lines

    def test_a_task_is_given_up_after_three_losses_on_two_nodes(self):
        self.assertEqual(self.lose("aa", "bb", "aa"), [])

    def test_a_task_that_is_given_up_after_two_losses_is_found(self):
        self.assertIn("was given up after 2 losses", self.lose("aa", "bb")[0])

    def test_a_task_that_is_given_up_after_losses_on_one_of_several_nodes_is_found(self):
        self.assertIn("after 3 losses on head, and ['left', 'right'] were there", self.lose("aa", "aa", "aa")[0])

    def test_a_task_may_be_given_up_after_losses_on_the_only_node(self):
        self.assertEqual(self.lose("aa", "aa", "aa", hurts=[Hurt("left", 2, 2), Hurt("right", 2, 2)]), [])

    def test_a_task_that_runs_again_after_three_losses_is_found(self):
        self.assertIn("was lost 3 times in a row, and runs again", self.lose("aa", "bb", "aa", "bb")[0])

    def test_a_task_that_runs_again_after_six_losses_on_one_node_is_found(self):
        self.assertIn("was lost 6 times in a row, and runs again", self.lose(*["aa"] * 7)[0])

    def test_a_loss_between_which_it_was_stopped_is_one_in_a_row(self):
        attempts = [attempt(1, "lost"), attempt(2, "preempted"), attempt(3, "lost"), attempt(4, "failed"),
                    attempt(5, "lost"), attempt(6, "cancelled")]
        self.assertEqual([each["number"] for each in losses.losses_in_a_row(attempts)], [5])
        self.assertEqual([each["number"] for each in losses.losses_in_a_row(attempts[:3])], [3, 1])

    def test_the_figure_of_losses_that_had_not_begun(self):
        rows = [row(state="failed", attempts=[attempt(number, "lost") for number in (1, 2, 3)])]
        self.assertEqual(len(losses.given_up_before_three_died(rows, self.trace)), 1)
        for number in (1, 2, 3):
            self.ran("one", f"1.{number}", number)
        self.assertEqual(losses.given_up_before_three_died(rows, self.trace), [])


def acked(what, part="receive"):
    return f"{part} acking {what}", f"{part} acked {what}"


class Queue(Case):
    """Messages that are sent, received and acknowledged."""

    def lines_of(self, *lines):
        check_messages([said(*line.split(" ", 1)) for line in lines], self.findings)
        return self.findings.lines

    def test_a_message_whose_consumer_was_killed_as_it_acknowledged_is_no_finding(self):
        self.assertEqual(self.lines_of(*self.SENT, "receive got 20 3 7 1", "receive acking 20 4 7"), [])

    SENT = "send sending 20 1", "send sent 20 2"

    def test_what_comes_until_it_is_acknowledged_is_no_finding(self):
        self.assertEqual(self.lines_of(*self.SENT, "receive got 20 3 7 1", "receive got 20 4 8 2",
                                       *acked("20 5 8")), [])

    def test_a_dead_letter_is_no_finding(self):
        self.assertEqual(self.lines_of(*self.SENT, "receive got 20 3 7 3", "drain got 20 4 5 4",
                                       *acked("20 5 5", "drain")), [])

    def test_a_message_that_never_came_is_lost(self):
        self.assertIn("message 20 is lost: it was accepted, and never came", self.lines_of(*self.SENT)[0])

    def test_a_message_that_nobody_acknowledged_is_lost(self):
        self.assertIn("its consumers never acknowledged it", self.lines_of(*self.SENT, "receive got 20 3 7 1")[0])

    def test_a_message_whose_send_was_not_answered_may_be_missing(self):
        self.assertEqual(self.lines_of(self.SENT[0]), [])

    def test_a_message_that_comes_after_it_was_acknowledged_is_found(self):
        lines = self.lines_of(*self.SENT, "receive got 20 3 7 1", *acked("20 4 7"), "receive got 20 5 8 1")
        self.assertIn("message 20 came again with the token 8", lines[0])

    def test_a_message_that_is_a_dead_letter_after_it_was_acknowledged_is_found(self):
        lines = self.lines_of(*self.SENT, "receive got 20 3 7 1", *acked("20 4 7"), "drain got 20 2000000004 2 4")
        self.assertIn("message 20 came again", lines[0])

    def test_a_message_whose_send_was_answered_late_may_have_been_accepted_twice(self):
        self.assertEqual(self.lines_of("send sending 20 1", "receive got 20 3 7 1", *acked("20 4 7"),
                                       "send sent 20 5", "receive got 20 6 8 1", *acked("20 7 8")), [])

    def test_two_deliveries_with_one_token_are_found(self):
        lines = self.lines_of(*self.SENT, "send sending 21 2", "receive got 20 3 7 1", "receive got 21 3 7 1",
                              *acked("20 5 7"))
        self.assertIn("message 21 came with the token 7, as message 20 did", lines[0])

    def test_a_message_that_nobody_sent_is_found(self):
        self.assertIn("message 4 came, and nobody sent it", self.lines_of("receive got 4 3 7 1")[0])

    def test_a_message_that_is_dead_too_early_or_too_late_is_found(self):
        lines = self.lines_of(*self.SENT, "drain got 20 3 7 3", *acked("20 4 7", "drain"), "send sending 21 2",
                              "receive got 21 3 8 4")
        self.assertIn("message 20 is a dead letter after 2 deliveries of 3", lines[0])
        self.assertIn("message 21 was delivered 4 times, and is no dead letter", lines[1])


if __name__ == "__main__":
    unittest.main()
