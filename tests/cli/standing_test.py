#!/usr/bin/env python3
"""Clusters that stand until they are stopped, from outside.

    standing_test.py TROUPE [unittest options]
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster_case import ClusterCase  # takes TROUPE from the command line
from run_test import LIMIT_S, processes_with, wait_until  # takes TROUPE from the command line

GRAPH = r"""name: pair
tasks:
  first: {command: [sh, -c, 'echo 3 > $TROUPE_RESULT']}
  second: {after: [first], command: [sh, -c, 'echo $(( {first} + 1 )) > $TROUPE_RESULT']}
"""


class Cluster(ClusterCase):
    def setUp(self):
        super().setUp()
        self.cluster = self.folder / "state" / "troupe" / "clusters" / "default"
        self.cluster_file = self.cluster / "cluster.json"

    def state_of(self, graph):
        return self.json_lines("get", graph)[0]["state"]

    def supervisor_of(self, member):
        return int((self.cluster / "members" / member / "lock").read_text())

    def processes_of(self, member):
        """What its supervisor has started, by name."""
        supervisor = self.supervisor_of(member)
        children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        # redis-server is known by the name of its file, too.
        return {Path(f"/proc/{pid}/comm").read_text().split()[0].split("-")[0]: int(pid) for pid in children}

    def redis(self, *command):
        (socket,) = (self.folder / "tmp").glob("troupe-*/redis.sock")
        return subprocess.run(["redis-cli", "-s", socket, *command], text=True, capture_output=True, check=True).stdout

    def log_of(self, member):
        return (self.cluster / "members" / member / "log").read_text()

    def running_graph(self, until, then="true"):
        """A driver that waits for a graph of one task, which ends once a file is there; and the graph's id."""
        driver = self.start("submit", "--wait", "--format", "json", "--", "sh", "-c",
                            f"until test -e {until}; do sleep 0.01; done; {then}")
        graph = json.loads(driver.stdout.readline())["graph_id"]
        wait_until("it runs", lambda: self.json_lines("get", graph)[0]["task_list"][0]["attempts"])
        return driver, graph

    def assert_first_attempt_is_done(self, driver):
        out, err = driver.communicate(timeout=LIMIT_S)
        self.assertEqual(driver.returncode, 0, err)
        self.assertEqual([attempt["number"] for attempt in json.loads(out)["attempts"]], [1])


class Standing(Cluster):
    def test_a_graph_is_handed_over_and_goes_on_without_its_driver(self):
        self.troupe("start", "--cpus", "2")
        graph = self.json_lines("submit", self.file("g.yaml", GRAPH))[0]
        self.assertEqual((graph["graph"], graph["tasks"]), ("pair", 2))
        wait_until("it is done", lambda: self.state_of("pair") == "done")
        tasks = {task["task"]: task for task in self.json_lines("list", "tasks")}
        self.assertEqual({name: task["result"] for name, task in tasks.items()}, {"first": 3, "second": 4})
        node = self.json_lines("list", "nodes")[0]
        self.assertEqual(self.json_lines("list", "objects"), [])
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
                         {"cpus": 4.0, "gpus": 2, "resources": {"seats": 1.5}, "labels": {"disk": "nvme", "node": "big"}})
        out, _ = self.troupe("submit", "--wait", "--cpus", "3", "--gpus", "1", "--format", "json", "--", "true")
        task = json.loads(out.splitlines()[1])
        self.assertEqual(task["attempts"][0]["node"], "big")
        _, err = self.troupe("submit", "--cpus", "5", "--", "true", code=3)
        self.assertIn("needs 5 cpus", err)
        self.troupe("stop")
        self.assert_nothing_left()

    def test_a_node_that_joined_outlives_the_head_and_works_for_the_next_one(self):
        self.troupe("start", "--cpus", "1")
        self.troupe("start", "--join", str(self.cluster_file), "--name", "big", "--cpus", "4")
        os.kill(self.supervisor_of("head"), signal.SIGTERM)
        wait_until("the head has ended", lambda: "no cluster" in self.troupe("status", code=None)[1])
        self.troupe("start", "--cpus", "1")
        state = lambda: {node["node"]: node["state"] for node in self.json_lines("list", "nodes")}
        wait_until("it is up again", lambda: state().get("big") == "up")
        out, _ = self.troupe("submit", "--wait", "--cpus", "3", "--format", "json", "--", "true")
        self.assertEqual([attempt["node"] for attempt in json.loads(out.splitlines()[1])["attempts"]], ["big"])
        self.troupe("stop")
        self.assert_nothing_left()

    def test_of_two_that_start_at_once_one_says_that_it_runs_already(self):
        starts = [self.start("start", "--cpus", "1") for _ in range(3)]
        ends = [(start.communicate(timeout=LIMIT_S)[1], start.returncode) for start in starts]
        self.assertEqual(sorted(code for _, code in ends), [0, 3, 3], ends)
        self.assertEqual(sum("runs already" in err for err, _ in ends), 2, ends)
        self.troupe("run", "--", "true")
        self.troupe("stop")
        self.assert_nothing_left()

    def test_what_is_cancelled_ends(self):
        self.troupe("start", "--cpus", "1")
        graph = self.troupe("submit", "--", "sleep", "1000")[0].strip()
        self.assertEqual(self.json_lines("cancel", graph), [{"cancelled": 1}])
        self.assertEqual(self.state_of(graph), "cancelled")
        self.assertEqual(self.json_lines("cancel", graph), [{"cancelled": 0}])
        self.assertIn("there is no graph, job, task or actor 'nothing'", self.troupe("cancel", "nothing", code=2)[1])

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
        for command in ("status", "stop", "submit x.yaml", "list graphs", "get x", "cancel x", "drain x", "start --standby"):
            _, err = self.troupe(*command.split(), "--cluster", broken, code=2)
            self.assertIn("expected the cluster file", err)

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
        driver, _ = self.running_graph(go)
        before = self.processes_of("head")
        self.assertEqual(set(before), {"redis", "scheduler", "agent"})
        for name in ("redis", "scheduler"):
            os.kill(before[name], signal.SIGKILL)
        go.touch()
        self.assert_first_attempt_is_done(driver)
        after = self.processes_of("head")
        self.assertEqual(after["agent"], before["agent"])
        self.assertNotEqual(after["redis"], before["redis"])
        self.assertNotEqual(after["scheduler"], before["scheduler"])

    def test_what_dies_too_often_ends_the_cluster_with_a_line_in_its_log(self):
        self.troupe("start", "--most-restarts", "2")
        supervisor = self.supervisor_of("head")

        def kill_redis():
            try:
                os.kill(self.processes_of("head")["redis"], signal.SIGKILL)
            except (OSError, KeyError):
                pass
            return not Path(f"/proc/{supervisor}").exists()

        wait_until("it gives up", kill_redis)
        self.assertIn("too often", self.log_of("head"))
        self.assertIn("no cluster", self.troupe("status", code=3)[1])

    def test_more_tasks_than_the_most_are_refused_and_nothing_of_them_is_taken(self):
        self.troupe("start", "--cpus", "1", "--most-tasks", "2")
        graph = '{"tasks": {"t": {"each": {"n": [1, 2, 3]}, "command": ["true"]}}}'
        self.assertIn("would be more than 2", self.troupe("submit", self.file("g.json", graph), code=3)[1])
        self.assertEqual(self.json_lines("list", "tasks"), [])
        os.kill(self.processes_of("head")["scheduler"], signal.SIGKILL)
        self.troupe("run", "--", "true")
        self.troupe("run", "--", "true")
        self.assertIn("would be more than 2", self.troupe("run", "--", "true", code=3)[1])

    def test_a_stand_by_takes_over_from_a_stopped_scheduler_and_running_work_is_untouched(self):
        self.troupe("start", "--cpus", "1")
        self.troupe("start", "--standby")
        go = self.folder / "go"
        driver, _ = self.running_graph(go)
        old = self.processes_of("head")["scheduler"]
        os.kill(old, signal.SIGSTOP)
        wait_until("the stand-by has the lease", lambda: "standby-1" in self.redis("GET", "troupe:lease"))
        go.touch()
        self.assert_first_attempt_is_done(driver)
        os.kill(old, signal.SIGCONT)
        wait_until("the old one says who took over", lambda: "took over in epoch 2" in self.log_of("head"))
        # It stands by in its turn.
        os.kill(self.processes_of("standby-1")["scheduler"], signal.SIGSTOP)
        wait_until("the first one has the lease again", lambda: "head" in self.redis("GET", "troupe:lease"))
        self.troupe("run", "--", "true")
        self.troupe("stop")
        self.assert_nothing_left()

    def test_a_killed_scheduler_is_back_before_its_own_lease_runs_out(self):
        self.troupe("start", "--cpus", "1")
        self.troupe("start", "--standby")
        for epoch in (2, 3):
            os.kill(self.processes_of("head")["scheduler"], signal.SIGKILL)
            wait_until("it is back", lambda: self.redis("GET", "troupe:lease").startswith(f"{epoch} head"))

    def test_a_head_that_died_comes_back_beside_the_stand_by_that_is_active(self):
        self.troupe("start", "--cpus", "1")
        self.troupe("start", "--standby")
        os.kill(self.processes_of("head")["scheduler"], signal.SIGSTOP)
        wait_until("the stand-by has the lease", lambda: "standby-1" in self.redis("GET", "troupe:lease"))
        os.kill(self.supervisor_of("head"), signal.SIGKILL)
        wait_until("all of it is gone", lambda: "no cluster" in self.troupe("status", code=None)[1])
        self.troupe("start", "--cpus", "1")
        self.troupe("run", "--", "true")
        self.assertIn("standby-1", self.redis("GET", "troupe:lease"))
        self.assertEqual(self.json_lines("list", "objects"), [])  # Of the stores there are: one was left behind.
        self.troupe("stop")
        self.assert_nothing_left()

    def test_a_store_that_is_older_than_what_agents_have_seen_is_refused_and_left_as_it_is(self):
        store, copy = self.cluster / "store", self.folder / "copy"
        seen = self.cluster / "members" / "head" / "seen"
        self.troupe("start")
        self.troupe("run", "--", "true")
        self.troupe("stop")
        shutil.copytree(store, copy)
        self.troupe("start")
        for _ in range(3):
            self.troupe("run", "--", "true")
        commits = self.json_lines("status")[0]["commit_seq"]
        wait_until("the agent has seen it", lambda: int(seen.read_text().split()[1]) >= commits)
        self.troupe("stop")
        shutil.copytree(store, self.folder / "newer")
        for wrong, words in ((copy, "older than what was seen: epoch 1, seen 2"), (None, "is empty, seen was commit")):
            shutil.rmtree(store)
            if wrong is not None:
                shutil.copytree(wrong, store)
                before = self.append_only(store)
            _, err = self.troupe("start", code=3)
            self.assertIn(words, err)
            if wrong is not None:
                self.assertEqual(self.append_only(store), before)
        shutil.rmtree(store)
        shutil.copytree(self.folder / "newer", store)
        self.troupe("start")
        self.assertEqual(len(self.json_lines("list", "graphs")), 4)

    def test_a_store_of_another_cluster_is_refused_by_name(self):
        for name in ("one", "two"):
            self.troupe("start", "--name", name)
            self.troupe("stop", "--all")
        one, two = (self.cluster.parent / name for name in ("one", "two"))
        shutil.rmtree(one / "store")
        shutil.copytree(two / "store", one / "store")
        _, err = self.troupe("start", "--name", "one", code=3)
        id = json.loads((two / "cluster.json").read_text())["cluster_id"]
        self.assertIn(f"belongs to cluster {id}", err)

    @staticmethod
    def append_only(store):
        return {file.name: file.read_bytes() for file in sorted((store / "appendonlydir").iterdir())}


if __name__ == "__main__":
    unittest.main()
