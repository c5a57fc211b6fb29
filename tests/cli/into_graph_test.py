#!/usr/bin/env python3
"""Tasks that add tasks to their own graph while it runs.

    into_graph_test.py TROUPE [unittest options]
"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster_case import ClusterCase  # takes TROUPE from the command line
from run_test import TROUPE  # takes TROUPE from the command line

MORE = r"""name: more
tasks:
  part:
    each: {n: [1, 2, 3]}
    command: [sh, -c, 'echo {n} > $TROUPE_RESULT']
  whole:
    after: [part]
    when: "part[0] == 1"
    command: [sh, -c, 'echo "{\"sum\": $(({part[0]} + {part[1]} + {part[2]})), \"graph\": \"$TROUPE_GRAPH\"}" > $TROUPE_RESULT']
"""


class IntoGraph(ClusterCase):
    def growing(self, then="true"):
        """A graph whose first task adds what more.yaml says; `then` is what that task does next."""
        more = self.file("more.yaml", MORE)
        return self.file("grows.yaml", f"""name: grows
tasks:
  plan: {{command: [sh, -c, "{TROUPE} submit {more} --into-graph && {then}"]}}
  last: {{after: [plan], command: ['true']}}
""")

    def tasks_of(self, graph):
        return {task["task"]: task for task in self.json_lines("list", "tasks", "--filter", f"graph={graph}")}

    def check_whole(self, tasks):
        self.assertEqual(set(tasks), {"plan", "last", "part[0]", "part[1]", "part[2]", "whole"})
        self.assertEqual({task["state"] for task in tasks.values()}, {"done"}, tasks)
        self.assertEqual(tasks["whole"]["result"], {"sum": 6, "graph": "grows"})

    def test_a_submitted_graph_grows_and_has_ended_when_all_of_it_has(self):
        self.troupe("start", "--cpus", "2")
        ended = {task["task"]: task for task in self.json_lines("submit", "--wait", self.growing())[1:]}
        self.check_whole(ended)
        self.check_whole(self.tasks_of("grows"))

    def test_a_run_waits_for_what_its_tasks_add(self):
        self.check_whole({task["task"]: task for task in self.json_lines("run", self.growing())})
        self.check_whole(self.tasks_of("grows"))
        self.assert_nothing_left()

    def test_a_command_can_be_added_too(self):
        graph = self.file("g.yaml", f"""name: g
tasks: {{plan: {{command: [sh, -c, "{TROUPE} submit --into-graph -- touch {self.folder}/touched"]}}}}
""")
        tasks = {task["task"]: task for task in self.json_lines("run", graph)}
        self.assertEqual({name: task["state"] for name, task in tasks.items()}, {"plan": "done", "touch": "done"})
        self.assertTrue((self.folder / "touched").exists())

    def test_a_name_that_the_graph_has_is_refused_in_one_line(self):
        self.troupe("start", "--cpus", "2")
        again = f"{TROUPE} submit {self.folder}/here/more.yaml --into-graph 2> {self.folder}/said; test $? = 2"
        lines = self.json_lines("submit", "--wait", self.growing(then=again))
        self.assertEqual({task["state"] for task in lines[1:]}, {"done"})
        self.assertEqual(len(lines), 7)
        self.assertEqual((self.folder / "said").read_text(),
                         "troupe submit: graph 'grows' has a task 'part[0]' already: name the new one otherwise\n")

    def test_an_attempt_that_has_ended_adds_nothing(self):
        self.troupe("start", "--cpus", "2")
        self.file("more.yaml", MORE)
        self.troupe("submit", "--wait", self.file("env.yaml", f"""name: env
tasks: {{t: {{command: [sh, -c, "env | grep ^TROUPE > {self.folder}/env"]}}}}
"""))
        environment = dict(line.split("=", 1) for line in (self.folder / "env").read_text().splitlines())
        _, err = self.troupe("submit", "--into-graph", "more.yaml", code=2, env=self.environment | environment)
        self.assertIn("is not running: only while it runs may it add to its graph", err)
        self.assertEqual(len(self.tasks_of("env")), 1)

    def test_outside_a_task_it_is_refused(self):
        self.troupe("start", "--cpus", "2")
        _, err = self.troupe("submit", "--into-graph", self.file("more.yaml", MORE), code=2)
        self.assertIn("found no TROUPE_ATTEMPT_ID", err)
        self.assertEqual(len(err.splitlines()), 1)
        self.troupe("submit", "--into-graph", "--wait", "more.yaml", code=2)
        self.assertEqual(self.json_lines("list", "graphs"), [])


if __name__ == "__main__":
    unittest.main()
