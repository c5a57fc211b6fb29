#!/usr/bin/env python3
"""Nodes that are to be emptied, from outside.

    drain_test.py TROUPE [unittest options]
"""

import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster_case import ClusterCase  # takes TROUPE from the command line
from run_test import LIMIT_S, wait_until  # takes TROUPE from the command line


class Drain(ClusterCase):
    def setUp(self):
        super().setUp()
        self.troupe("start", "--cpus", "2")
        (self.node,) = self.json_lines("list", "nodes")
        self.end = self.folder / "end"

    def node_now(self):
        (node,) = self.json_lines("list", "nodes")
        return node

    def submit(self, *command):
        out, _ = self.troupe("submit", "--", *command)
        return out.strip()

    def long_task(self):
        """The id of a graph that runs until `self.end` is there."""
        graph = self.submit("sh", "-c", f"until test -e {self.end}; do sleep 0.01; done")
        wait_until("it runs", lambda: self.node_now()["running"] == 1)
        return graph

    def state_of(self, graph):
        return self.json_lines("get", graph)[0]["state"]

    def waiting_drain(self):
        drain = self.start("drain", self.node["node"], "--format", "json")
        wait_until("it is drained", lambda: self.node_now()["drains"])
        return drain

    def test_a_drain_ends_when_the_node_is_empty_and_nothing_new_runs_there(self):
        running = self.long_task()
        drain = self.waiting_drain()
        waiting = self.submit("true")
        out, _ = self.troupe("status")
        self.assertIn("draining", out)
        self.assertIsNone(drain.poll())
        self.end.touch()
        out, err = drain.communicate(timeout=LIMIT_S)
        self.assertEqual(drain.returncode, 0, err)
        self.assertIn('"drains":true,"running":0', out)
        self.assertEqual(self.state_of(running), "done")
        self.assertNotEqual(self.state_of(waiting), "done")
        (undone,) = self.json_lines("drain", "--undo", self.node["node_id"])
        self.assertEqual((undone["node"], undone["node_id"], undone["drains"]),
                         (self.node["node"], self.node["node_id"], False))
        wait_until("what waited has run", lambda: self.state_of(waiting) == "done")

    def test_an_interrupted_drain_leaves_the_node_drained_and_its_work_alone(self):
        running = self.long_task()
        drain = self.waiting_drain()
        drain.send_signal(signal.SIGINT)
        _, err = drain.communicate(timeout=LIMIT_S)
        self.assertEqual(drain.returncode, 130)
        self.assertIn("stays drained, 1 attempt still runs there", err)
        self.assertTrue(self.node_now()["drains"])
        self.end.touch()
        wait_until("it has ended", lambda: self.state_of(running) == "done")
        self.troupe("drain", self.node["node"])  # Nothing runs: it ends at once.

    def test_no_wait_does_not_wait_and_a_drain_outlives_a_stop(self):
        self.long_task()
        (drain,) = self.json_lines("drain", "--no-wait", self.node["node"])
        self.assertEqual((drain["drains"], drain["running"]), (True, 1))
        self.end.touch()
        self.troupe("stop")
        self.troupe("start", "--cpus", "2")
        self.assertTrue(self.node_now()["drains"])

    def test_a_node_that_is_not_there_is_refused(self):
        for name in "nobody", "0123456789abcdef":
            _, err = self.troupe("drain", name, code=2)
            self.assertIn(name, err)
            self.assertEqual(len(err.splitlines()), 1, err)
        self.troupe("drain", "--undo", "--no-wait", self.node["node"], code=2)


if __name__ == "__main__":
    unittest.main()
