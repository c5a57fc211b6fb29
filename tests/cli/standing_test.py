#!/usr/bin/env python3
"""Clusters that stand until they are stopped, from outside.

    standing_test.py TROUPE [unittest options]
"""

import json
import os
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run_test import LIMIT_S, Case, processes_with, wait_until  # takes TROUPE from the command line

GRAPH = r"""name: pair
tasks:
  first: {command: [sh, -c, 'echo 3 > $TROUPE_RESULT']}
  second: {after: [first], command: [sh, -c, 'echo $(( {first} + 1 )) > $TROUPE_RESULT']}
"""


class Standing(Case):
    def setUp(self):
        super().setUp()
        self.cluster = self.folder / "state" / "troupe" / "clusters" / "default"
        self.cluster_file = self.cluster / "cluster.json"

    def tearDown(self):
        # In order first: an agent that is killed alone is started again.
        self.start("stop", "--all").communicate(timeout=LIMIT_S)
        super().tearDown()

    def state_of(self, graph):
        return self.json_lines("get", graph)[0]["state"]

    def pids_of(self, member):
        """Of a member's supervisor and what it forked, the supervisor first."""
        supervisor = int((self.cluster / "members" / member / "lock").read_text())
        children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        return supervisor, [int(pid) for pid in children]

    def test_a_graph_is_handed_over_and_goes_on_without_its_driver(self):
        self.troupe("start", "--cpus", "2")
        graph = self.json_lines("submit", self.file("g.yaml", GRAPH))[0]
        self.assertEqual((graph["graph"], graph["tasks"]), ("pair", 2))
        wait_until("it is done", lambda: self.state_of("pair") == "done")
        tasks = {task["task"]: task for task in self.json_lines("list", "tasks")}
        self.assertEqual({name: task["result"] for name, task in tasks.items()}, {"first": 3, "second": 4})
        node = self.json_lines("list", "nodes")[0]
        self.assertEqual(tasks["first"]["attempts"][0]["node"], node["node"])
        self.assertEqual((node["state"], node["cpus"]), ("up", 2.0))
        self.troupe("stop")
        self.assert_nothing_left()

    def test_a_command_prints_the_id_and_with_wait_its_end_is_the_exit_code(self):
        self.troupe("start")
        out, _ = self.troupe("submit", "--", "true")
        self.assertRegex(out, r"^[0-9a-f]{16}\n$")
        wait_until("it is done", lambda: self.state_of(out.strip()) == "done")
        out, _ = self.troupe("submit", "--wait", "--", "sh", "-c", "echo here; exit 3", code=1)
        self.assertRegex(out, r"^[0-9a-f]{16}\nhere\n$")
        out, _ = self.troupe("run", "--", "echo", "there")
        self.assertEqual(out, "there\n")
        self.assertEqual(len(self.json_lines("list", "graphs")), 3)

    def test_work_that_was_running_goes_on_at_the_next_start(self):
        self.troupe("start", "--cpus", "1")
        go = self.folder / "go"
        graph = self.troupe("submit", "--", "sh", "-c", f"test -e {go} || exec sleep 1000")[0].strip()
        wait_until("it runs", lambda: self.json_lines("get", graph)[0]["task_list"][0]["attempts"])
        self.troupe("stop")
        self.assert_nothing_left()
        go.touch()
        self.troupe("start", "--cpus", "1")
        wait_until("it is done", lambda: self.state_of(graph) == "done")
        task = self.json_lines("get", graph)[0]["task_list"][0]
        self.assertEqual([attempt["end"] for attempt in task["attempts"]], ["lost", "done"])

    def test_one_more_agent_takes_what_only_it_can_hold(self):
        self.troupe("start", "--cpus", "1")
        self.troupe("start", "--join", str(self.cluster_file), "--name", "big", "--cpus", "4", "--gpus", "2",
                    "--resource", "seats=1.5", "--label", "disk=nvme")
        nodes = {node["node"]: node for node in self.json_lines("list", "nodes")}
        self.assertEqual(len(nodes), 2)
        self.assertEqual({key: nodes["big"][key] for key in ("cpus", "gpus", "resources", "labels")},
                         {"cpus": 4.0, "gpus": 2, "resources": {"seats": 1.5}, "labels": {"disk": "nvme"}})
        out, _ = self.troupe("submit", "--wait", "--cpus", "3", "--gpus", "1", "--format", "json", "--", "true")
        task = json.loads(out.splitlines()[1])
        self.assertEqual(task["attempts"][0]["node"], "big")
        _, err = self.troupe("submit", "--cpus", "5", "--", "true", code=3)
        self.assertIn("needs 5 cpus", err)
        self.troupe("stop")
        self.assert_nothing_left()

    def test_what_is_cancelled_ends(self):
        self.troupe("start", "--cpus", "1")
        graph = self.troupe("submit", "--", "sleep", "1000")[0].strip()
        self.assertEqual(self.json_lines("cancel", graph), [{"cancelled": 1}])
        self.assertEqual(self.state_of(graph), "cancelled")
        self.assertEqual(self.json_lines("cancel", graph), [{"cancelled": 0}])
        self.assertIn("there is no graph 'nothing'", self.troupe("cancel", "nothing", code=2)[1])

    def test_a_cluster_is_found_by_option_then_address_then_as_the_one_that_runs_here(self):
        self.assertIn("no cluster runs on this machine", self.troupe("status", code=3)[1])
        for name in ("one", "two"):
            self.troupe("start", "--name", name)
        file = {name: str(self.cluster.parent / name / "cluster.json") for name in ("one", "two")}
        self.assertIn("several clusters run here", self.troupe("status", code=2)[1])
        
        def found(*option, **more):
            return self.json_lines("status", *option, **more)[0]["folder"]

        address = {"env": self.environment | {"TROUPE_ADDRESS": file["one"]}}
        self.assertEqual(found(**address), str(Path(file["one"]).parent))
        self.assertEqual(found("--cluster", file["two"], **address), str(Path(file["two"]).parent))
        self.troupe("stop", "--cluster", file["two"])
        self.assertEqual(found(), str(Path(file["one"]).parent))
        self.assertEqual(self.json_lines("list", "graphs", "--cluster", "local"), [])
        self.assertIn("does not run", self.troupe("submit", "--cluster", file["two"], "--", "true", code=3)[1])
        _, err = self.troupe("submit", "--cluster", "host:7000", "--", "true", code=2)
        self.assertIn("clusters of other machines", err)
        broken = self.file("cluster.json", "{}")
        self.assertIn("expected the cluster file", self.troupe("status", "--cluster", broken, code=2)[1])

    def test_a_second_start_says_that_it_runs_already(self):
        self.troupe("start")
        self.assertIn("runs already, as process", self.troupe("start", code=3)[1])
        self.troupe("stop")
        self.assertIn("runs here", self.troupe("stop", code=3)[1])

    def test_in_the_foreground_it_ends_with_its_process(self):
        for number in (signal.SIGINT, signal.SIGKILL):
            process = self.start("start", "--foreground")
            self.assertIn("is up", process.stdout.readline())
            process.send_signal(number)
            process.communicate(timeout=LIMIT_S)
            self.assertEqual(process.returncode, 130 if number == signal.SIGINT else -signal.SIGKILL)
            wait_until("it is down", lambda: not processes_with(self.mark))
            self.assertIn("no cluster", self.troupe("status", code=3)[1])

    def test_what_dies_is_started_again_and_a_graph_never_notices(self):
        self.troupe("start", "--cpus", "2")
        go = self.folder / "go"
        graph = self.start("submit", "--wait", "--format", "json", "--", "sh", "-c",
                           f"until test -e {go}; do sleep 0.01; done")
        id = json.loads(graph.stdout.readline())["graph_id"]
        wait_until("it runs", lambda: self.json_lines("get", id)[0]["task_list"][0]["attempts"])
        _, children = self.pids_of("head")
        agent = max(children, key=lambda pid: len(Path(f"/proc/{pid}/task/{pid}/children").read_text()))
        for pid in children:
            if pid != agent:  # Redis and the scheduler.
                os.kill(pid, signal.SIGKILL)
        go.touch()
        out, err = graph.communicate(timeout=LIMIT_S)
        self.assertEqual(graph.returncode, 0, err)
        task = json.loads(out)
        self.assertEqual([attempt["number"] for attempt in task["attempts"]], [1])
        _, after = self.pids_of("head")
        self.assertEqual(len(after), 3)
        self.assertIn(agent, after)

    def test_what_dies_too_often_ends_the_cluster_with_a_line_in_its_log(self):
        self.troupe("start", "--most-restarts", "2")
        supervisor, _ = self.pids_of("head")

        def kill_redis():
            try:
                for pid in self.pids_of("head")[1]:
                    if "redis" in Path(f"/proc/{pid}/comm").read_text():
                        os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
            return not Path(f"/proc/{supervisor}").exists()

        wait_until("it gives up", kill_redis)
        self.assertIn("too often", (self.cluster / "members" / "head" / "log").read_text())
        self.assertIn("no cluster", self.troupe("status", code=3)[1])


if __name__ == "__main__":
    unittest.main()
