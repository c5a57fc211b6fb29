#!/usr/bin/env python3
"""What tasks, commands and actors printed, and when they ran, as the command line tells it.

    logs_test.py TROUPE PRINTING_DRIVER [unittest options]
"""

import json
import os
import re
import signal
import subprocess
import sys
import unittest

DRIVER = os.path.abspath(sys.argv.pop(2))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster_case import ClusterCase  # takes TROUPE from the command line
from run_test import LIMIT_S, TROUPE, Case, wait_until  # takes TROUPE from the command line

GRAPH = r"""name: demo
tasks:
  first: {command: [sh, -c, 'echo one; echo two >&2; printf three']}
  again: {after: [first], max_attempts: 2, command: [sh, -c, 'echo attempt $TROUPE_ATTEMPT; test $TROUPE_ATTEMPT = 2']}
  silent: {each: {n: [1, 2]}, command: [sleep, '0.3']}
"""


class OfRuns(Case):
    def test_a_task_prints_what_it_printed_and_a_graph_says_who_did(self):
        self.troupe("run", self.file("g.yaml", GRAPH))
        self.assertEqual(self.troupe("logs", "demo/first")[0], "one\ntwo\nthree")
        self.assertEqual(self.troupe("logs", "demo/again")[0], "attempt 1\nattempt 2\n")
        self.troupe("run", self.file("h.yaml", """{name: open, tasks: {t: {max_attempts: 2, command: [sh, -c,
            'printf $TROUPE_ATTEMPT; test $TROUPE_ATTEMPT = 2']}}}"""))
        self.assertEqual(self.troupe("logs", "open/t")[0], "1\n2")
        self.assertEqual(self.troupe("logs", "demo/silent[0]", "--follow")[0], "")
        self.assertEqual(self.troupe("logs", "demo")[0].splitlines(),
                         ["first | one", "first | two", "first | three", "again | attempt 1", "again | attempt 2"])
        task = self.json_lines("get", "demo/first")[0]["task_id"]
        self.assertEqual(self.troupe("logs", task)[0], "one\ntwo\nthree")
        self.assertEqual(self.json_lines("logs", "demo/again", "--tail", "1"),
                         [{"graph": "demo", "task": "again", "attempt": 2, "epoch": 1, "line": "attempt 2"}])

    def test_a_tail_counts_lines_over_attempts_and_tasks(self):
        self.troupe("run", self.file("g.yaml", GRAPH))
        for tail, lines in ((0, []), (1, ["three"]), (2, ["two", "three"]), (9, ["one", "two", "three"])):
            self.assertEqual(self.troupe("logs", "demo/first", "--tail", str(tail))[0].splitlines(), lines)
        self.assertEqual(self.troupe("logs", "demo", "--tail", "3")[0].splitlines(),
                         ["first | three", "again | attempt 1", "again | attempt 2"])

    def test_what_is_not_there_is_said_in_a_line(self):
        self.troupe("run", self.file("g.yaml", GRAPH))
        for arguments, expected in ((("demo/frist",), "did you mean 'first'?"), (("demon",), "there is no graph 'demon'"),
                                    (("00000000000000aa.1",), "that printed anything"),
                                    (("demo", "--tail", "-1"), "--tail: found '-1', expected a number of lines")):
            _, err = self.troupe("logs", *arguments, code=2)
            self.assertIn(expected, err)
            self.assertEqual(len(err.splitlines()), 1)

    def test_a_graph_that_runs_shows_who_prints_what_and_repeats_once(self):
        graph = self.file("g.yaml", """name: g
tasks:
  same: {each: {n: [1, 2, 3, 4]}, command: [sh, -c, 'echo ready']}
  much: {after: [same], command: [seq, '1000']}
""")
        out, err = self.troupe("run", graph)
        self.assertNotIn("ready", out)
        # Each time of four is told, and mostly not by a line of its own: those within two seconds share one.
        shown = re.findall(r"^same\[\d\] \| ready(?: \[(\d) times more, by \d tasks\])?$", err, re.M)
        self.assertEqual(sum(int(times or 1) for times in shown), 4)
        self.assertLess(len(shown), 4)
        self.assertIn("much | 200\nmuch | ... 800 lines more (troupe logs shows all)\n", err)
        self.assertEqual(len(re.findall(r"^same\[\d\] \| ready$", self.troupe("run", graph, "--no-fold")[1], re.M)), 4)
        self.assertEqual(self.troupe("run", graph, "--quiet")[1], "")
        go_on = self.folder / "go_on"
        live = self.start("run", self.file("h.yaml", json.dumps({"name": "h", "tasks": {"t": {"command": [
            "sh", "-c", f"echo begins; until test -e {go_on}; do sleep 0.01; done"]}}})))
        while live.stderr.readline() != "t | begins\n":  # Behind lines of progress, if that takes long.
            self.assertIsNone(live.poll())
        go_on.touch()
        live.communicate(timeout=LIMIT_S)
        self.assertEqual(live.returncode, 0)

    def test_a_command_that_prints_much_is_shown_whole_and_kept_in_part(self):
        out, _ = self.troupe("run", "--", "seq", "25000000")  # 214 MB.
        self.assertTrue(out == "".join(f"{i}\n" for i in range(1, 25000001)))
        files = list((self.folder / "state" / "troupe" / "runs").glob("*/tasks/seq/output-*"))
        self.assertEqual(sorted(file.name for file in files), ["output-1.1", "output-1.1.1"])
        self.assertLess(sum(file.stat().st_size for file in files), 130 << 20)
        self.assertEqual(self.troupe("logs", "seq", "--tail", "2")[0], "seq | 24999999\nseq | 25000000\n")

    def test_a_timeline_is_a_trace_of_all_attempts(self):
        self.troupe("run", self.file("g.yaml", GRAPH))
        trace = json.loads(self.troupe("timeline", "demo")[0])
        spans = [event for event in trace["traceEvents"] if event["ph"] == "X"]
        self.assertEqual(sorted(span["name"] for span in spans), ["again", "again", "first", "silent[0]", "silent[1]"])
        tasks = {task["task"]: task for task in self.json_lines("list", "tasks")}
        began = min(attempt["started"] for task in tasks.values() for attempt in task["attempts"])
        self.assertEqual(trace["otherData"]["started"], began)
        for name in ("first", "silent[0]", "silent[1]"):
            (span,) = [span for span in spans if span["name"] == name]
            self.assertEqual(span["dur"], tasks[name]["wall_ms"] * 1000)
            self.assertEqual((span["cat"], span["args"]["task_id"]), ("done", tasks[name]["task_id"]))
        self.assertEqual([(span["args"]["attempt"], span["cat"]) for span in spans if span["name"] == "again"],
                         [(1, "failed"), (2, "done")])
        # No two at once in a lane.
        lanes = {}
        for span in sorted(spans, key=lambda span: span["ts"]):
            self.assertGreaterEqual(span["ts"], lanes.get((span["pid"], span["tid"]), 0))
            lanes[span["pid"], span["tid"]] = span["ts"] + span["dur"]
        names = {(event["pid"], event["name"]): event["args"]["name"] for event in trace["traceEvents"] if event["ph"] == "M"}
        self.assertEqual(names[1, "process_name"], "node local")
        # One arrow: from `first` to the first attempt of what comes after it.
        (begin,) = [event for event in trace["traceEvents"] if event["ph"] == "s"]
        (end,) = [event for event in trace["traceEvents"] if event["ph"] == "f"]
        self.assertEqual(end["ts"], min(span["ts"] for span in spans if span["name"] == "again"))
        self.assertEqual(begin["id"], end["id"])

        (answer,) = self.json_lines("timeline", "demo/again", "-o", "t.json")
        self.assertEqual(answer, {"file": "t.json", "attempts": 2, "nodes": 1})
        of_one = json.loads((self.folder / "here" / "t.json").read_text())
        self.assertEqual([event["name"] for event in of_one["traceEvents"] if event["ph"] == "X"], ["again", "again"])
        _, err = self.troupe("timeline", "demo", "-o", "none/t.json", code=2)
        self.assertIn("-o: found 'none/t.json', expected the name of a file that can be written", err)


class OfClusters(ClusterCase):
    def setUp(self):
        super().setUp()
        self.troupe("start", "--cpus", "2")
        self.cluster = self.folder / "state" / "troupe" / "clusters" / "default"
        self.logs = self.cluster / "members" / "head" / "logs"

    def test_following_goes_on_until_the_end_over_attempts(self):
        go_on = self.folder / "go_on"
        self.troupe("submit", self.file("g.yaml", json.dumps({"name": "g", "tasks": {"t": {
            "max_attempts": 2, "command": ["sh", "-c", f"echo begins $TROUPE_ATTEMPT; until test -e {go_on}; do "
                                           "sleep 0.01; done; echo ends; test $TROUPE_ATTEMPT = 2"]}}})))
        follower = self.start("logs", "g/t", "--follow")
        self.assertEqual(follower.stdout.readline(), "begins 1\n")
        self.assertIsNone(follower.poll())
        go_on.touch()
        out, _ = follower.communicate(timeout=LIMIT_S)
        self.assertEqual((out, follower.returncode), ("ends\nbegins 2\nends\n", 0))

    def test_an_interrupt_ends_following_and_nothing_else(self):
        go_on = self.folder / "go_on"
        self.troupe("submit", "--", "sh", "-c", f"echo here; until test -e {go_on}; do sleep 0.01; done")
        follower = self.start("logs", "sh", "--follow")
        self.assertEqual(follower.stdout.readline(), "sh | here\n")
        follower.send_signal(signal.SIGINT)
        self.assertEqual(follower.wait(timeout=LIMIT_S), 130)
        follower.communicate()
        self.assertEqual(self.json_lines("get", "sh/sh")[0]["state"], "running")
        go_on.touch()

    def test_a_driver_finds_the_cluster_that_runs_or_is_told_what_it_found(self):
        def drive(*arguments):
            return subprocess.run([DRIVER, *arguments], env=self.environment, text=True, input="\n\n",
                                  capture_output=True, timeout=LIMIT_S)
        self.assertEqual(drive().returncode, 0)
        wait_until("what its actor printed is there",
                   lambda: any("ann says two\n" in log.read_text() for log in self.logs.glob("*.*-*")))
        self.assertIn("Cluster::connect: there is no cluster file", drive(self.folder / "none.json").stderr)
        self.troupe("stop")
        self.assertIn("no cluster runs on this machine (troupe start starts one)", drive().stderr)

    def test_tasks_and_actors_of_a_driver_have_logs_of_their_own(self):
        driver = subprocess.Popen([DRIVER, self.cluster / "cluster.json"], env=self.environment, text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        lines = [driver.stdout.readline() for _ in range(3)]
        cause, actor = "".join(lines), ""
        while not actor:
            found = re.search(r"^actor (\S+)$", cause, re.M)
            actor = found.group(1) if found else ""
            cause += "" if actor else driver.stdout.readline()
        self.assertIn("the last words", cause)  # What the worker that aborted had printed.
        job = actor.split(".")[0]
        loud = f"to stdout {{0}}\nto stderr {{0}}\nwithout an end"
        crashed = [log for log in self.logs.glob(f"{job}.*") if log.read_text() == "the last words\n"]
        self.assertEqual(len(crashed), 1)
        self.assertEqual(self.troupe("logs", crashed[0].name.split("-")[0])[0], "the last words\n")
        told = sorted(log.read_text() for log in self.logs.glob(f"{job}.*-loud-*"))
        self.assertEqual(told, [loud.format(n) for n in (1, 2, 3)])
        self.assertEqual(len(list(self.logs.glob(f"{actor}-talker-*"))), 1)
        follower = self.start("logs", actor, "--follow")
        self.assertEqual([follower.stdout.readline() for _ in range(2)], ["ann is here\n", "ann says one\n"])
        driver.stdin.write("\n")
        driver.stdin.flush()
        self.assertEqual(follower.stdout.readline(), "ann says two\n")
        self.assertIn("talker | ann says two", self.troupe("logs", job)[0])
        self.assertIn("ann says two\n", self.troupe("logs", "talker")[0])
        self.assertIn({"graph": None, "task": "talker", "line": "ann says one"},
                      [{key: line[key] for key in ("graph", "task", "line")} for line in self.json_lines("logs", job)])
        _, shown = driver.communicate("\n", timeout=LIMIT_S)
        for line in ("loud.1 | to stdout 1", "loud.5 | to stderr 3", "loud.5 | without an end [2 times more, by 2 tasks]",
                     "crash.7 | the last words", "talker.8 | ann is here", "talker.8 | ann says two"):
            self.assertIn(line + "\n", shown)
        out, _ = follower.communicate(timeout=LIMIT_S)
        self.assertEqual((out, follower.returncode), ("", 0))
        self.assertEqual(self.troupe("logs", actor, "--tail", "1")[0], "ann says two\n")
        self.assertEqual(len(list(self.logs.glob(f"{job}.*"))), 5)  # Who printed nothing has none.


if __name__ == "__main__":
    unittest.main()
