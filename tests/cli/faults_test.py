#!/usr/bin/env python3
"""Processes of a run that are killed or stopped, seen from the command line.

    faults_test.py TROUPE [unittest options]
"""

import json
import os
import signal
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run_test import Case, processes_with, wait_until  # takes TROUPE from the command line


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


class Faults(Case):
    def pids(self, word):
        """Processes of this test with `word` on their command lines."""
        found = []
        for pid in processes_with(self.mark):
            try:
                if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
            except OSError:
                pass
        return found

    def scheduler(self, child_of_agent):
        """Forked by the supervisor, and not the agent."""
        agent = parent_of(child_of_agent)
        supervisor = parent_of(agent)
        (scheduler,) = [pid for pid in self.pids("--troupe-role=supervisor") if pid not in (agent, supervisor)]
        return scheduler

    def test_a_killed_scheduler_costs_a_graph_nothing(self):
        go = self.folder / "go"
        graph = self.file("g.yaml", f"""
tasks:
  first: {{command: [sh, -c, 'echo x >> trace; while ! test -e {go}; do sleep 0.05; done; echo 7 > $TROUPE_RESULT']}}
  second: {{after: [first], command: [sh, -c, 'echo {{first}} > $TROUPE_RESULT']}}
""")
        process = self.start("run", graph, "--format", "json")
        trace = self.folder / "here" / "trace"
        wait_until("the first task runs", trace.exists)
        (shell,) = [pid for pid in self.pids("echo x >> trace") if parent_of(pid) in self.pids("--troupe-role=supervisor")]
        os.kill(self.scheduler(shell), signal.SIGKILL)
        time.sleep(1)  # The new one may be up or not: both must do.
        go.write_text("")
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        tasks = {task["task"]: task for task in map(json.loads, out.splitlines())}
        self.assertEqual(tasks["second"]["result"], 7)
        self.assertEqual(len(tasks["first"]["attempts"]), 1)
        self.assertEqual(trace.read_text(), "x\n")  # It ran once.
        self.assert_nothing_left()

    def test_a_silent_trainer_is_named_whichever_it_is(self):
        for place in (0, -1):
            process = self.start("train", "lenet", "--data", "synthetic", "--strategy", "data:2", "--batch", "96",
                                 "--steps", "1000000")
            while "step" not in process.stderr.readline():  # Progress: both trainers train.
                self.assertIsNone(process.poll())
            os.kill(sorted(self.pids("--troupe-role=worker"))[place], signal.SIGSTOP)
            _, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 1, err)
            self.assertRegex(err, r"rank [01] ")
            self.assert_nothing_left()

    def test_a_cluster_that_is_gone_is_no_fault_of_the_training(self):
        process = self.start("train", "lenet", "--data", "synthetic", "--quiet", "--steps", "1000000")
        wait_until("the trainer runs", lambda: self.pids("--troupe-role=worker"))
        for pid in self.pids("--troupe-role=supervisor"):  # Scheduler and agent are forked from it.
            os.kill(pid, signal.SIGKILL)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3, err)
        self.assertIn("the local cluster has ended", err)
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main(verbosity=2)
