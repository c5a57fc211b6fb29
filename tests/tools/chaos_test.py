"""What chaos finds: each broken promise, written into the records of a run that kept them all."""

import itertools
import json
import os
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from chaos_case import Findings, NODE_IDS, Case, OfOneGraph, attempt, row  # finds chaos, too
from chaos import checks, losses, plan, processes, shapes  # noqa: E402
from chaos.backlog import RUN_AT_MOST, TASKS_OF_A_GRAPH, Backlog  # noqa: E402
from chaos.cluster import CPUS, NODES  # noqa: E402
from chaos.faults import Hurt  # noqa: E402


class Chaos(OfOneGraph):
    def test_a_run_that_kept_its_promises_has_no_findings(self):
        self.ran_well()
        for began in (5, 6):
            self.findings.take_reading([row(), row("two")], began, self.graphs)
        self.assertEqual(self.check([row(), row("two")]), [])

    def test_the_same_seed_draws_the_same_faults_and_graphs(self):
        def drawn(seed):
            return list(itertools.islice(plan.faults(seed, NODES), 60)), shapes.make_graph(seed, 3, "p", "t").text
        self.assertEqual(drawn(5), drawn(5))
        self.assertNotEqual(drawn(5), drawn(6))
        self.assertEqual({fault.kind for fault in drawn(5)[0]}, set(plan.BAG))

    def test_one_bag_of_graphs_has_some_of_each_shape(self):
        graphs = [shapes.make_graph(5, number, "p", "t") for number in range(1, sum(shapes.BAG.values()) + 1)]
        tasks = [task for graph in graphs for task in graph.tasks.values()]
        for has in (lambda task: task.gang, lambda task: task.locks, lambda task: task.is_untaken,
                    lambda task: task.at_most > 1, lambda task: task.is_preemptible, lambda task: task.is_cancelled):
            self.assertTrue(any(map(has, tasks)))
        self.assertEqual(sum(graph.cancel_after_s is not None for graph in graphs), shapes.BAG["cancelled"])

    # ---- over several readings ----

    def test_a_task_that_was_accepted_and_is_not_there_is_lost(self):
        self.findings.take_reading([row()], 1, self.graphs)
        self.assertEqual(self.findings.lost, {"g1/two"})

    def test_a_task_that_was_accepted_after_a_reading_began_may_be_missing_in_it(self):
        self.graph.accepted_at = 2
        self.findings.take_reading([], 1, self.graphs)
        self.assertEqual(self.findings.lines, [])

    def test_an_end_that_changes_is_found(self):
        self.findings.take_reading([row(), row("two")], 1, self.graphs)
        self.findings.take_reading([row(result={"attempt": "1.1", "sum": 9}), row("two", "running")], 2, self.graphs)
        self.assertEqual(self.findings.doubled, {"g1/one", "g1/two"})

    def test_a_graph_that_is_there_twice_is_found(self):
        other = {**row(), "graph_id": "another", "task_id": "another.1"}
        self.findings.take_reading([row(), row("two"), other], 1, self.graphs)
        self.assertEqual(self.findings.doubled, {"g1/one"})

    def test_a_task_that_nobody_submitted_is_found(self):
        self.findings.take_reading([row(), row("two"), row(graph="g2")], 1, self.graphs)
        self.assertIn("nobody has submitted it", self.findings.lines[0])

    # ---- at the end ----

    def test_a_task_that_has_not_ended_is_lost(self):
        self.ran("one", "1.1", 1, 1.5)
        self.check([row(), row("two", "ready", [])])
        self.assertEqual(self.findings.lost, {"g1/two"})

    def test_a_failure_that_nobody_asked_for_is_found(self):
        self.ran("one", "1.1", 1)
        self.ran("one", "1.2", 2, 2.5)
        self.ran("two", "1.1", 3, 3.5)
        rows = [row(attempts=[attempt(1, "failed"), attempt(2)]), row("two")]
        self.assert_finds("one: attempt 1.1 failed (None), and nobody told it to", rows)

    def test_a_failure_by_script_or_by_a_kill_is_none(self):
        self.ran("one", "1.1", 1)
        self.trace.runs[0].killed = 1.2
        self.ran("one", "1.2", 2, 2.5, how="F")
        self.ran("one", "1.3", 3, 3.5)
        self.ran("two", "1.1", 4, 4.5)
        rows = [row(attempts=[attempt(1, "failed"), attempt(2, "failed"), attempt(3)]), row("two")]
        self.assertEqual(self.check(rows), [])

    def test_a_wrong_end_is_found(self):
        self.ran_well()
        self.assert_finds("two is skipped", [row(), row("two", "skipped", [])])
        self.assert_finds("one is failed", [row(state="failed"), row("two")])

    def test_a_task_that_was_lost_three_times_may_fail(self):
        losses = [attempt(number, "lost") for number in (1, 2, 3)]
        self.assertEqual(self.check([row(state="failed", attempts=losses), row("two", "skipped", [])]), [])

    def test_a_result_of_another_attempt_is_found(self):
        self.ran_well()
        self.check([row(result={"attempt": "1.2", "sum": 1}), row("two")])
        self.assertEqual(self.findings.doubled, {"g1/one"})

    def test_a_wrong_value_is_found(self):
        self.ran_well()
        self.assert_finds("expected the sum 1", [row(result={"attempt": "1.1", "sum": 4}), row("two")])

    def test_a_published_attempt_that_did_not_run_to_its_end_is_found(self):
        self.ran("one", "1.1", 1)
        self.assert_finds("one: attempt 1.1 was published and never ran", [row(), row("two")])

    def test_an_attempt_that_ran_twice_or_unknown_to_the_store_is_found(self):
        self.ran_well()
        self.ran("one", "1.1", 3, 3.5, pid=8)
        self.ran("one", "1.2", 4, 4.5)
        lines = self.check([row(), row("two")])
        self.assertTrue(any("attempt 1.1 ran twice" in line for line in lines), lines)
        self.assertTrue(any("attempt 1.2 ran, and the store has not" in line for line in lines), lines)

    def test_attempts_side_by_side_are_found_unless_the_node_was_silent(self):
        self.ran("one", "1.1", 1, 3)
        self.ran("one", "1.2", 2, 2.5)
        self.ran("two", "1.1", 4, 4.5)
        rows = [row(attempts=[attempt(1, "lost"), attempt(2, node="bb")]), row("two")]
        self.assertEqual(self.check(rows, [Hurt("head", 0.5, 2.8)]), [])
        self.assert_finds("ran beside 1.2", rows, [Hurt("left", 0.5, 2.8)])

    def test_an_order_that_its_node_had_when_it_fell_silent_may_begin_late(self):
        self.ran("one", "1.2", 8.0, 10.0)
        self.ran("one", "1.1", 9.0, 9.7, how="T", pid=8)
        self.ran("two", "1.1", 11, 11.5)
        rows = [row(attempts=[attempt(1, "lost", node="bb"), attempt(2)]), row("two")]
        self.assertEqual(self.check(rows, [Hurt("left", 1.0, 8.9)]), [])
        for hurts in [], [Hurt("head", 1.0, 8.9)], [Hurt("left", 1.0, 7.5)]:
            self.findings = Findings(lambda line: None)
            self.assert_finds("ran beside 1.1", rows, hurts)

    def test_more_cpus_in_use_than_a_node_has_are_found(self):
        self.graph.tasks["one"].cpus = CPUS["head"]
        self.ran("one", "1.1", 1, 3)
        self.ran("two", "1.1", 2, 2.5)
        self.assert_finds(f"head has {CPUS['head']} cpus, and {CPUS['head'] + 1} were in use", [row(), row("two")])

    def test_a_loss_on_a_node_that_nothing_was_done_to_is_told(self):
        def told(*hurt):
            rows = [row(attempts=[attempt(20, "lost"), attempt(21)])]
            return len(losses.losses_without_a_cause(rows, self.trace, [Hurt(*hurt)], NODE_IDS, 0))
        self.assertEqual(told("left", 19, 19), 0)  # It never ran.
        self.ran("one", "1.20", 20)
        self.assertEqual(told("head", 19, 19), 0)
        self.assertEqual(told("head", 5, 5), 1)
        self.assertEqual(told("left", 19, 19), 1)

    def test_an_answer_to_the_driver_by_a_run_that_did_not_end_is_found(self):
        answer = {"task": "task-1", "fails": False, "pid": 7, "cause": ""}
        checks.check_driver([answer], self.trace, self.findings)
        self.assertIn("did not run it to its end", self.findings.lines[0])

    def test_a_process_is_held_with_all_its_threads(self):
        script = "import threading, time; threading.Thread(target=lambda: time.sleep(60)).start(); print(1, flush=True)"
        process = subprocess.Popen([sys.executable, "-c", script + "; time.sleep(60)"], stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        process.stdout.readline()
        self.assertTrue(processes.hold(process.pid))
        threads = [processes.read(thread) for thread in os.listdir(f"/proc/{process.pid}/task")]
        self.assertEqual([thread.state for thread in threads], ["T", "T"])
        process.kill()
        process.wait()
        self.assertFalse(processes.hold(process.pid))

    def test_a_process_that_began_later_is_another_one_of_the_same_number(self):
        now = time.monotonic()
        self.assertEqual(processes.read_since(os.getpid(), now).pid, os.getpid())
        self.assertIsNone(processes.read_since(os.getpid(), now - 3600))


class ClusterWithQueue:
    """A store that has what was submitted, and cancels it."""

    def __init__(self, folder):
        self.folder, self.rows = folder, {}

    def start(self, members):
        pass

    def tree(self, member):
        return []

    def of_cluster(self, *arguments):
        if arguments[0] == "drain":
            return []
        if arguments[0] == "submit":
            graph = json.loads(arguments[1].read_text())
            self.rows[graph["name"]] = [row(f"t[{i}]", "ready", [], graph=graph["name"])
                                        for i in graph["tasks"]["t"]["each"]["i"]]
            return [{"graph_id": graph["name"]}]
        if arguments[0] == "cancel":
            for each in self.rows[arguments[1]]:
                each["state"] = "cancelled"
            return []
        return self.rows[arguments[-1].removeprefix("graph=")]

    def store(self, _, key):
        return str(1 + 2 * len(self.rows[key.split(":")[-1]]))


class Queued(Case):
    """Tasks that stay queued as long as the faults last."""

    def setUp(self):
        super().setUp()
        self.cluster = ClusterWithQueue(self.trace.path.parent)
        self.backlog = Backlog(self.cluster, self.trace, "program", TASKS_OF_A_GRAPH + RUN_AT_MOST, self.findings)
        self.backlog.submit()

    def assert_ends_with(self, *lines):
        self.backlog.look()
        self.backlog.end()
        self.assertEqual(len(self.findings.lines), len(lines), self.findings.lines)
        for words, line in zip(lines, self.findings.lines):
            self.assertIn(words, line)

    def test_that_are_all_there_and_have_not_run_are_no_finding(self):
        self.assertEqual([len(rows) for rows in self.cluster.rows.values()], [TASKS_OF_A_GRAPH, RUN_AT_MOST])
        self.assert_ends_with()

    def test_one_that_is_missing_is_lost_by_count_and_by_name(self):
        self.cluster.rows["open-1"].pop(7)
        self.assert_ends_with("open-1 is lost: the store has 3999 records", "open-1/t[7] is lost")

    def test_one_that_ran_is_found_by_the_trace_and_by_its_attempts(self):
        with open(self.trace.path, "a") as file:
            print("S open-0 t[3] 1.1 7 1000", file=file)
        self.trace.read()
        self.cluster.rows["open-0"][3]["attempts"] = [attempt(1)]
        self.assert_ends_with("open-0/t[3] ran", "open-0/t[3] is cancelled with 1 attempts")

    def test_one_that_nobody_submitted_is_found(self):
        self.cluster.rows["open-1"].append(row("t[9999]", "ready", [], graph="open-1"))
        self.assert_ends_with("open-1 is lost: the store has 4003 records", "open-1 has 2001 tasks")


if __name__ == "__main__":
    unittest.main()
