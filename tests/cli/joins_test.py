#!/usr/bin/env python3
"""Groups that come after groups, by a join.

    joins_test.py TROUPE [unittest options]
"""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster_case import ClusterCase  # takes TROUPE from the command line
from run_test import LIMIT_S, TROUPE, wait_until  # takes TROUPE from the command line


def many_after_many(count, command="['true']"):
    """`second`, of as many tasks as `first`, comes after it."""
    each = f"each: {{n: {list(range(count))}}}"
    return f"""name: many
defaults: {{needs: {{cpus: 0.1}}}}
tasks:
  first: {{{each}, command: {command}}}
  second: {{{each}, after: [first], command: ['true']}}
"""


class Joins(ClusterCase):
    def test_a_group_of_200_runs_after_a_group_of_200(self):
        graph = self.file("many.yaml", many_after_many(200))
        self.assertEqual(self.json_lines("run", "--check", graph),
                         [{"graph": "many", "tasks": 400, "edges": 400, "ok": True}])
        tasks = {task["task"]: task for task in self.json_lines("run", graph)}
        self.assertEqual(len(tasks), 400)
        self.assertEqual({task["state"] for task in tasks.values()}, {"done"})
        last_end = max(tasks[f"first[{n}]"]["attempts"][0]["ended"] for n in range(200))
        first_start = min(tasks[f"second[{n}]"]["attempts"][0]["started"] for n in range(200))
        self.assertLessEqual(last_end, first_start)
        (listed,) = self.json_lines("list", "graphs")
        self.assertEqual((listed["tasks"], listed["states"]["done"]), (400, 400))
        self.assertEqual(len(self.json_lines("list", "tasks", "--limit", "1000")), 400)
        (whole,) = self.json_lines("get", "many")
        self.assertEqual((whole["tasks"], len(whole["task_list"])), (400, 400))
        self.assert_nothing_left()

    def test_a_member_that_fails_is_the_reason_of_all_that_come_after_the_group(self):
        command = "[sh, -c, 'test {n} != 7 || exit 3']"
        lines = self.json_lines("run", self.file("many.yaml", many_after_many(200, command)), code=1)
        tasks = {task["task"]: task for task in lines}
        self.assertEqual(len(tasks), 400)
        self.assertEqual({task["state"] for name, task in tasks.items() if name.startswith("second")}, {"skipped"})
        self.assertEqual({task["reason"] for name, task in tasks.items() if name.startswith("second")},
                         {"task 'first[7]' failed: exit code 3"})
        self.assertEqual([name for name, task in tasks.items() if task["state"] == "failed"], ["first[7]"])
        out, _ = self.troupe("get", "many/second[3]")
        self.assertRegex(out, r"(?m)^reason +task 'first\[7\]' failed: exit code 3$")
        self.assertRegex(out, r"(?m)^after +first\[\*\]$")
        (join,) = self.json_lines("get", "many/first[*]")
        self.assertEqual((join["state"], join["reason"]), ("skipped", "task 'first[7]' failed: exit code 3"))
        self.assertIn("400 tasks: 199 done, 1 failed, 200 skipped", self.troupe("get", "many")[0])

    def test_what_waits_behind_a_group_says_for_which_of_its_tasks(self):
        self.troupe("start", "--cpus", "2")
        os.mkfifo(self.folder / "go")
        graph = self.file("many.yaml", many_after_many(40, f"[sh, -c, 'test {{n}} != 7 || cat {self.folder}/go']"))
        waiting = self.start("submit", "--wait", graph, "--format", "json")
        wait_until("all but one of the first are done",
                   lambda: len(self.json_lines("list", "tasks", "--filter", "state=done")) == 39)
        self.assertRegex(self.troupe("get", "many/second[3]")[0], r"(?m)^waits +for task 'first\[7\]'$")
        (self.folder / "go").write_text("")
        out, err = waiting.communicate(timeout=LIMIT_S)
        self.assertEqual(waiting.returncode, 0, err)
        self.assertEqual(json.loads(out.splitlines()[0])["tasks"], 80)
        self.assertEqual(len(out.splitlines()), 81)

    def test_a_task_adds_many_after_many_to_its_graph(self):
        more = self.file("more.yaml", many_after_many(40))
        graph = self.file("grows.yaml", f"""name: grows
tasks:
  plan: {{command: [sh, -c, "{TROUPE} submit {more} --into-graph --format json > {self.folder}/added"]}}
""")
        tasks = {task["task"]: task for task in self.json_lines("run", graph)}
        self.assertEqual(len(tasks), 81)
        self.assertEqual({task["state"] for task in tasks.values()}, {"done"})
        self.assertIn('"tasks":80}', (self.folder / "added").read_text())
        (listed,) = self.json_lines("list", "graphs")
        self.assertEqual(listed["tasks"], 81)


if __name__ == "__main__":
    unittest.main()
