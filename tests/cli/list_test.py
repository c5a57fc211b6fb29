#!/usr/bin/env python3
"""What a cluster tells of what waits, and of its locks, semaphores and queues.

    list_test.py TROUPE [unittest options]
"""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster_case import ClusterCase  # takes TROUPE from the command line
from run_test import LIMIT_S, TROUPE, wait_until  # takes TROUPE from the command line


class List(ClusterCase):
    def setUp(self):
        super().setUp()
        self.end = self.folder / "end"
        self.troupe("start", "--cpus", "2")

    def submit(self, tasks):
        """Tasks that end once `self.end` is there."""
        until_end = f"until test -e {self.end}; do sleep 0.01; done"
        for task in tasks.values():
            task["command"] = ["sh", "-c", task.pop("first", "true") + "; " + until_end]
        self.troupe("submit", self.file("g.yaml", json.dumps({"name": "g", "tasks": tasks})))

    def queue(self):
        (status,) = self.json_lines("status")
        return status["queue"]

    def test_status_tells_how_many_wait_for_what_and_why(self):
        self.assertEqual(self.queue(), [])
        self.submit({"full": {"needs": {"cpus": 2}}})
        wait_until("it runs", lambda: self.json_lines("list", "nodes")[0]["running"] == 1)
        self.submit({"small": {"each": {"n": [1, 2, 3]}, "needs": {"cpus": 0.5, "memory": "1GiB"}},
                     "pair": {"gang": {"size": 2, "policy": "data"}}})
        small, pair = self.queue()
        self.assertEqual({key: small[key] for key in ("waiting", "gang", "cpus", "memory_bytes", "labels", "first")},
                         {"waiting": 3, "gang": 0, "cpus": 0.5, "memory_bytes": 1 << 30, "labels": {}, "first": "small[0]"})
        self.assertEqual((pair["waiting"], pair["gang"], pair["cpus"], pair["first"]), (1, 2, 1, "pair[0]"))
        self.assertEqual(pair["why"], "the nodes do not have room for all of its gang at once")
        self.assertIn("node", small["why"])
        out, _ = self.troupe("status")
        self.assertRegex(out, r"waiting +needs +first +why\n +3 +0.5 cpus.* +small\[0\] +\S")
        self.end.touch()
        wait_until("all have run", lambda: not self.queue())
        out, _ = self.troupe("status")
        self.assertNotIn("waiting", out)

    def test_a_graph_that_has_not_started_has_no_time(self):
        self.submit({"full": {"needs": {"cpus": 2}}})
        wait_until("it runs", lambda: self.json_lines("list", "nodes")[0]["running"] == 1)
        self.troupe("submit", self.file("h.yaml", json.dumps({"name": "h", "tasks": {"t": {"command": ["true"]}}})))
        self.assertRegex(self.troupe("list", "graphs", "--filter", "graph=h")[0], r"\nh .* - +-\n")
        self.assertRegex(self.troupe("get", "h")[0], r"\nstarted +-\n")
        (graph,) = [graph for graph in self.json_lines("list", "graphs") if graph["graph"] == "h"]
        self.assertEqual((graph["started"], graph["ended"], graph["wall_ms"]), (None, None, 0))
        self.troupe("cancel", "h")
        self.assertRegex(self.troupe("list", "graphs", "--filter", "graph=h")[0], r"\nh .*cancelled .* - +-\n")

    def test_locks_and_semaphores_with_who_holds_them(self):
        self.assertEqual(self.json_lines("list", "locks"), [])
        self.submit({"own": {"locks": ["door"], "needs": {"cpus": 0.1}},
                     "asks": {"first": f"{TROUPE} lock hall -- {TROUPE} semaphore seats --permits 3 -- sh -c "
                                       f"'until test -e {self.end}; do sleep 0.01; done'", "needs": {"cpus": 0.1}}})
        wait_until("all three are held", lambda: len(self.json_lines("list", "locks")) == 3)
        waiter = self.start("lock", "hall", "--", "true")
        wait_until("one waits", lambda: self.json_lines("list", "locks", "--filter", "lock=hall")[0]["waiting"] == 1)
        door, hall, seats = self.json_lines("list", "locks")
        tasks = {task["task"]: task["task_id"] for task in self.json_lines("list", "tasks")}
        self.assertEqual([(each["lock"], each["kind"], each["permits"], each["free"]) for each in (door, hall, seats)],
                         [("door", "lock", 1, 0), ("hall", "lock", 1, 0), ("seats", "semaphore", 3, 2)])
        self.assertEqual([(each["holders"][0]["task_id"], each["holders"][0]["attempt"]) for each in (door, hall)],
                         [(tasks["own"], 1), (tasks["asks"], 1)])
        self.assertIsNone(door["holders"][0]["until"])
        self.assertRegex(hall["holders"][0]["until"], r"^20\d\d-")
        (filtered,) = self.json_lines("list", "locks", "--filter", "kind=semaphore")
        for each in (filtered, seats):
            del each["holders"][0]["until"]  # It is put off while it is held.
        self.assertEqual(filtered, seats)
        out, _ = self.troupe("list", "locks")
        self.assertIn(f"task {tasks['asks']}#", out)
        self.end.touch()
        self.assertEqual(waiter.wait(timeout=LIMIT_S), 0)
        waiter.communicate()
        wait_until("nothing is held", lambda: not self.json_lines("list", "locks"))

    def test_queues_with_what_is_in_them(self):
        self.assertEqual(self.json_lines("list", "queues"), [])
        self.troupe("queue", "send", "mail", "one", "two", "three", "--durable", "--capacity", "9")
        self.troupe("queue", "receive", "mail", "--lease", "1h")
        (mail,) = self.json_lines("list", "queues", "--filter", "queue=mail")
        self.assertEqual(mail, {"queue": "mail", "durable": True, "capacity": 9, "max_deliveries": 5, "ready": 2,
                                "delivered": 1, "dead": 0, "receivers": 0})
        self.assertEqual(self.json_lines("list", "queues", "--filter", "queue=male"), [])
        out, _ = self.troupe("list", "queues")
        self.assertRegex(out, r"mail +yes +9 +2 +1 +0 +0")

    def test_a_graph_that_is_named_is_read_alone(self):
        ids = {}
        for name in ("one-a", "one-b", "two"):
            (answer,) = self.json_lines("submit", self.file("g.yaml", json.dumps(
                {"name": name, "tasks": {"t": {"each": {"n": [1, 2]}, "command": ["true"]}}})))
            ids[name] = answer["graph_id"]
        wait_until("all have run", lambda: len(self.json_lines("list", "tasks", "--filter", "state=done")) == 6)
        (socket,) = (self.folder / "tmp").glob("troupe-*/redis.sock")
        # Who reads `two` must say so from now on.
        subprocess.run(["redis-cli", "-s", socket, "HSET", f"troupe:graph:{ids['two']}", "spec:1", "damaged"],
                       capture_output=True, check=True)

        def graphs_of(kind, text):
            return sorted({each["graph"] for each in self.json_lines("list", kind, "--filter", f"graph={text}")})
        for kind in ("tasks", "graphs"):
            self.assertEqual(graphs_of(kind, "one-*"), ["one-a", "one-b"])
            self.assertEqual(graphs_of(kind, "one-b"), ["one-b"])
            self.assertEqual(graphs_of(kind, ids["one-a"]), ["one-a"])
            self.assertEqual(graphs_of(kind, "one"), [])
            for texts in (["two"], ["*"], []):
                filters = [word for text in texts for word in ("--filter", f"graph={text}")]
                self.assertIn("spec:1", self.troupe("list", kind, *filters, code=3)[1])
        self.assertEqual(self.json_lines("get", "one-a/t[0]")[0]["state"], "done")
        self.assertEqual(self.json_lines("cancel", "one-a", ids["one-b"]), [{"cancelled": 0}])
        self.assertIn("spec:1", self.troupe("get", ids["two"], code=3)[1])

    def test_a_wrong_kind_or_key_is_refused(self):
        _, err = self.troupe("list", "lock", code=2)
        self.assertIn("found 'lock', expected graphs, tasks, actors, jobs, nodes, objects, locks or queues", err)
        _, err = self.troupe("list", "queues", "--filter", "lock=x", code=2)
        self.assertIn("unknown key 'lock'", err)


if __name__ == "__main__":
    unittest.main()
