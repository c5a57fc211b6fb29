#!/usr/bin/env python3
"""What drivers own, as the command line shows it: their jobs, tasks and actors, and what each waits for.

    drivers_test.py TROUPE WORKING_DRIVER [unittest options]
"""

import json
import os
import subprocess
import sys
import unittest

DRIVER = os.path.abspath(sys.argv.pop(2))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster_case import ClusterCase  # takes TROUPE from the command line
from run_test import LIMIT_S, wait_until  # takes TROUPE from the command line

TASKS = ["behind", "ended", "holder", "locked", "much", "patient"]
ACTORS = ["member[0]", "member[1]", "named", "wide[0]", "wide[1]"]


class Drivers(ClusterCase):
    """One driver at work on a node of two cpus: `holder` and `patient` run, all other tasks wait."""

    def setUp(self):
        super().setUp()
        self.end = self.folder / "end"
        self.troupe("start", "--cpus", "2", "--memory", "4GiB")
        self.driver = subprocess.Popen([DRIVER, self.folder / "state/troupe/clusters/default/cluster.json", self.end],
                                       env=self.environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
        self.ids = {}
        while (words := self.driver.stdout.readline().split())[0] != "actors":
            self.ids[words[0]] = words[1]
        self.assertEqual(sorted(self.ids), sorted(TASKS + ACTORS))
        self.told = words
        self.job = self.ids["named"].split(".")[0]
        self.node = self.json_lines("list", "nodes")[0]["node"]

    def tearDown(self):
        if self.driver.poll() is None:
            self.driver.communicate("\n\n", timeout=LIMIT_S)
        super().tearDown()

    def goes_on(self):
        self.driver.stdin.write("\n")
        self.driver.stdin.flush()
        return self.driver.stdout.readline()

    def ends(self):
        """Ends what runs, but for `patient`. What needs more than that frees goes first: room would be kept for it."""
        self.troupe("cancel", self.ids["much"], self.ids["wide[0]"])
        self.end.touch()

    def get(self, name):
        (told,) = self.json_lines("get", self.ids.get(name, name))
        return told

    def test_a_program_asks_the_same_of_its_session(self):
        self.assertEqual(self.told, ["actors", "5,", "jobs", "1"])

    def test_actors_are_listed_whoever_owns_them(self):
        actors = {actor["actor"]: actor for actor in self.json_lines("list", "actors")}
        self.assertEqual(sorted(actors), ACTORS)
        self.assertEqual({key: value for key, value in actors["named"].items() if key not in ("node_id", "attempts", "calls")},
                         {"actor": "named", "actor_id": self.ids["named"], "class": "working.Counter", "state": "running",
                          "node": self.node, "restarts": 0, "max_restarts": 0, "lifetime": "job", "gang": None,
                          "job": "cli_working_driver", "job_id": self.job, "job_kind": "driver"})
        self.assertEqual((actors["member[1]"]["gang"]["rank"], actors["member[1]"]["gang"]["size"]), (1, 2))
        self.assertEqual((actors["wide[0]"]["state"], actors["wide[0]"]["node"]), ("waiting", None))
        self.assertEqual([len(actors[name]["attempts"]) for name in ("named", "wide[0]")], [1, 0])
        for filters, expected in ((["state=waiting"], ["wide[0]", "wide[1]"]), (["actor=named"], ["named"]),
                                  ([f"node={self.node}", f"job={self.job[:6]}"], ["member[0]", "member[1]", "named"]),
                                  (["job=cli_w*", "class=working.Counter", "state=running", "actor=named"], ["named"]),
                                  (["class=Other"], []), (["job=other"], [])):
            words = [word for each in filters for word in ("--filter", each)]
            self.assertEqual(sorted(each["actor"] for each in self.json_lines("list", "actors", *words)), expected)
        out, _ = self.troupe("list", "actors", "--limit", "2")
        self.assertRegex(out, r"2 actors: .*; more were left out by --limit\n$")
        self.assertRegex(self.troupe("list", "actors")[0], r"\nmember\[1\] +working.Counter +running +\S+ +0 +(-|1) +1 of 2 +"
                                                           rf"cli_working_driver +job +{self.ids['member[1]']}\n")

    def test_calls_of_actors_are_counted_and_who_hangs_is_seen(self):
        def calls():
            return {actor["actor"]: actor["calls"] for actor in self.json_lines("list", "actors")}

        wait_until("their nodes have told", lambda: (calls()["member[0]"] or {"running_ms": 0})["running_ms"] >= 1000)
        told = calls()
        self.assertEqual(told["member[1]"],
                         {"answered": 1, "waiting": 0, "running": 0, "method": None, "running_ms": 0})
        self.assertEqual({key: value for key, value in told["member[0]"].items() if key != "running_ms"},
                         {"answered": 1, "waiting": 0, "running": 1, "method": "wait_for"})
        self.assertIsNone(told["wide[0]"])
        self.assertRegex(self.troupe("get", self.ids["member[0]"])[0], r"\ncalls +1 answered, runs wait_for, for \d")
        self.assertRegex(self.troupe("list", "actors")[0], r"\nmember\[0\] +working.Counter +running +\S+ +0 +1 +wait_for ")
        self.ends()
        wait_until("it has been answered", lambda: calls()["member[0]"]["answered"] == 2)

    def test_tasks_of_drivers_stand_beside_those_of_graphs(self):
        self.troupe("submit", self.file("g.yaml", json.dumps({"name": "g", "tasks": {"t": {"command": ["true"]}}})))
        tasks = {task["task"]: task for task in self.json_lines("list", "tasks")}
        self.assertEqual(sorted(tasks), sorted(TASKS + ["t"]))
        self.assertEqual({name: tasks[name]["state"] for name in TASKS},
                         {"behind": "waiting", "ended": "done", "holder": "running", "locked": "ready", "much": "ready",
                          "patient": "running"})
        for name, graph, job, kind in (("holder", None, "cli_working_driver", "driver"), ("t", "g", "g", "graph")):
            self.assertEqual([tasks[name][key] for key in ("graph", "job", "job_kind")], [graph, job, kind])
        self.assertEqual(tasks["holder"]["work"], "working.until")
        self.assertEqual(tasks["ended"]["attempts"][0]["end"], "done")
        for filters, expected in ((["graph=g"], ["t"]), (["job=g"], ["t"]), (["graph=cli_working_driver"], []),
                                  ([f"job={self.job}", "state=running"], ["holder", "patient"]),
                                  ([f"node={self.node}", "task=holder"], ["holder"])):
            words = [word for each in filters for word in ("--filter", each)]
            self.assertEqual(sorted(each["task"] for each in self.json_lines("list", "tasks", *words)), expected)
        self.assertEqual(len(self.json_lines("list", "tasks", "--limit", "3")), 3)
        self.assertEqual([graph["graph"] for graph in self.json_lines("list", "graphs")], ["g"])
        self.assertRegex(self.troupe("list", "tasks")[0],
                         rf"\ncli_working_driver +holder +running +1 +{self.node} .* {self.ids['holder']}\n")

    def test_jobs_are_those_of_drivers_and_graphs(self):
        self.troupe("submit", self.file("g.yaml", json.dumps({"name": "g", "tasks": {"t": {"command": ["true"]}}})))
        driver, graph = self.json_lines("list", "jobs")
        self.assertEqual({key: driver[key] for key in ("job", "job_id", "kind", "state", "tasks", "actors", "drivers")},
                         {"job": "cli_working_driver", "job_id": self.job, "kind": "driver", "state": "running",
                          "tasks": 11, "actors": 5, "drivers": 1})
        self.assertEqual({state: count for state, count in driver["states"].items() if count},
                         {"waiting": 1, "ready": 4, "running": 5, "done": 1})
        self.assertEqual((graph["job"], graph["kind"], graph["since"]), ("g", "graph", None))
        self.assertEqual(self.json_lines("list", "jobs", "--filter", "kind=driver"), [driver])
        self.assertEqual(self.json_lines("list", "jobs", "--filter", "job=cli*", "--filter", "state=done"), [])
        self.assertRegex(self.troupe("list", "jobs")[0], r"\ncli_working_driver +driver +running +1 +4 +5 +1 +5 ")
        (told,) = self.json_lines("get", self.job[:8])
        self.assertEqual(sorted(task["task"] for task in told["task_list"]), sorted(TASKS + ACTORS))
        self.assertIn("11 tasks: 1 waiting, 4 ready, 5 running, 1 done", self.troupe("get", "cli_working_driver")[0])

    def test_what_waits_says_for_what(self):
        waits = {name: self.get(name)["waits"] for name in TASKS + ["wide[0]", "named"]}
        self.assertEqual([waits[name] for name in ("ended", "holder", "named")], [None] * 3)
        locked = waits["locked"]
        self.assertEqual((locked["for"], locked["name"], locked["task_id"], locked["why"]),
                         ("lock", "door", self.ids["holder"], "waits: lock 'door' is held by task 'holder'"))
        self.assertEqual([(each["name"], each["task_id"], each["attempt"]) for each in locked["holders"]],
                         [("holder", self.ids["holder"], 1)])
        self.assertEqual((waits["behind"]["for"], waits["behind"]["task_id"], waits["behind"]["why"]),
                         ("predecessor", self.ids["holder"], "waits for task 'holder'"))
        self.assertEqual((waits["much"]["for"], waits["much"]["why"]),
                         ("room", f"node '{self.node}' is busy: 0 of 2 cpus are free"))
        self.assertEqual((waits["wide[0]"]["for"], waits["wide[0]"]["why"]),
                         ("room", "the nodes do not have room for all of its gang at once: for 0 of 2 there is room"))
        out, _ = self.troupe("get", self.ids["locked"])
        self.assertRegex(out, r"\nstate +ready\nwaits +lock 'door' is held by task 'holder'\n"
                              rf"held by +task {self.ids['holder']}#\d+\.1 \(holder\)\n")
        self.assertRegex(self.troupe("get", "cli_working_driver/behind")[0], r"\nafter +holder\n")
        self.assertRegex(self.troupe("get", "named")[0], r"^actor +named\n(.*\n)*class +working.Counter\nfound as +named\n")
        self.ends()
        wait_until("the next has the lock", lambda: self.get("locked")["state"] in ("running", "done"))

    def test_why_a_task_of_a_graph_waits_is_the_schedulers_word(self):
        self.troupe("submit", self.file("g.yaml", json.dumps({"name": "g", "tasks": {"t": {
            "locks": ["door"], "command": ["true"]}}})))
        (task,) = self.json_lines("get", "g/t")
        self.assertEqual((task["state"], task["waits"]["for"], task["waits"]["holders"][0]["name"]),
                         ("ready", "lock", "holder"))
        self.assertIn("lock 'door' is held by task 'holder'", self.troupe("get", "g/t")[0])
        self.ends()
        wait_until("it has run", lambda: self.json_lines("get", "g/t")[0]["state"] == "done")
        self.assertNotIn("waits", self.json_lines("get", "g/t")[0])

    def test_nodes_and_objects_are_told_of_too(self):
        node = self.get(self.node)
        self.assertEqual((node["cpus"], node["free_cpus"], node["free_memory_bytes"]), (2, 0, 4 << 30))
        self.assertEqual(sorted(task["task"] for task in node["task_list"]),
                         ["holder", "member[0]", "member[1]", "named", "patient"])
        self.assertEqual(self.get(node["node_id"]), node)
        self.assertRegex(self.troupe("get", self.node)[0], rf"^node +{self.node}\n(.*\n)*holder +working.until ")
        (listed,) = self.json_lines("list", "objects")
        self.assertEqual(self.get(listed["object"]), listed)
        self.assertRegex(self.troupe("get", listed["object"])[0], r"\nstate +in memory\nbytes +10\d{5}\n")
        _, err = self.troupe("get", "0" * 32, code=2)
        self.assertIn("there is no graph, job, task, actor, node or object", err)
        _, err = self.troupe("get", self.job + ".99", code=2)
        self.assertEqual(len(err.splitlines()), 1)
        _, err = self.troupe("get", "cli_working_driver/none", code=2)
        self.assertEqual(len(err.splitlines()), 1)

    def test_a_task_an_actor_and_a_job_of_a_driver_are_cancelled(self):
        self.assertEqual(self.json_lines("cancel", self.ids["patient"]), [{"cancelled": 1}])
        self.assertIn("was cancelled: on request", self.goes_on())  # What the driver is told.
        self.assertEqual(self.get("patient")["reason"], "on request")
        self.assertEqual(self.json_lines("cancel", self.ids["patient"]), [{"cancelled": 0}])
        self.assertEqual(self.troupe("cancel", "named", "cli_working_driver/much")[0], "2 tasks cancelled\n")
        wait_until("it has ended", lambda: not self.json_lines("list", "actors", "--filter", "actor=named",
                                                               "--filter", "state=running"))
        self.troupe("cancel", self.job)
        (job,) = self.json_lines("list", "jobs")
        self.assertEqual([job["states"][state] for state in ("waiting", "ready", "running")], [0, 0, 0])
        _, err = self.troupe("cancel", "nobody", code=2)
        self.assertIn("there is no graph, job, task or actor 'nobody'", err)

    def spans(self, *arguments):
        trace = json.loads(self.troupe("timeline", *arguments)[0])
        return trace["otherData"], [event for event in trace["traceEvents"] if event["ph"] == "X"]

    def test_a_timeline_has_what_runs_and_what_ended_and_is_forgotten(self):
        about, spans = self.spans("cli_working_driver")
        self.assertEqual([about[key] for key in ("graph", "job", "job_id")], [None, "cli_working_driver", self.job])
        self.assertEqual(sorted((span["name"], span["cat"]) for span in spans),
                         [("ended", "done"), ("holder", "running"), ("member[0]", "running"), ("member[1]", "running"),
                          ("named", "running"), ("patient", "running")])
        self.assertEqual([span["name"] for span in self.spans(self.ids["ended"])[1]], ["ended"])
        self.assertGreater(self.get("holder")["wall_ms"], 0)
        self.driver.communicate("\n\n", timeout=LIMIT_S)
        wait_until("the driver is gone", lambda: not self.json_lines("list", "jobs", "--filter", "kind=driver"))
        wait_until("its tasks are", lambda: self.json_lines("list", "nodes")[0]["running"] == 0)
        self.troupe("run", "--", "true")
        about, spans = self.spans(self.job)
        self.assertEqual(sorted((span["name"], span["cat"]) for span in spans),
                         [("ended", "done")] + [(name, "cancelled") for name in
                                                ("holder", "member[0]", "member[1]", "named", "patient")])
        in_rows = sorted(spans, key=lambda span: (span["pid"], span["tid"], span["ts"], span["dur"]))
        for one, next_one in zip(in_rows, in_rows[1:]):
            if (one["pid"], one["tid"]) == (next_one["pid"], next_one["tid"]):
                self.assertLessEqual(one["ts"] + one["dur"], next_one["ts"])
        about, spans = self.spans()
        self.assertEqual((about["job"], len(spans)), (None, 7))
        self.assertEqual({span["args"]["needs"] for span in spans}, {None})  # Nobody tells what all of them needed.
        self.assertIn("true", [span["name"] for span in spans])
        _, err = self.troupe("timeline", "00000000000000aa", code=2)
        self.assertIn("there is no graph '00000000000000aa'", err)

    def test_status_and_top_show_the_jobs_of_drivers(self):
        (status,) = self.json_lines("status")
        (look,) = self.json_lines("top", "--count", "1")
        for told in (status, look):
            (job,) = told["jobs"]
            self.assertEqual((job["job"], job["states"]["running"], job["actors"]), ("cli_working_driver", 5, 5))
        keeps = status["scheduler"]
        self.assertEqual((keeps["tasks"], keeps["most_tasks"], keeps["jobs"]), (11, 1000000, 2))  # With its own.
        self.assertGreater(keeps["memory_bytes"], 1 << 20)
        out, _ = self.troupe("status")
        self.assertRegex(out, r"\nkeeps +11 tasks \(at most 1000000\), 2 jobs, 2 drivers, .* in .*MiB of memory\n")
        self.assertRegex(out, r"\ncli_working_driver +driver +running +1 +4 +5 ")


if __name__ == "__main__":
    unittest.main()
