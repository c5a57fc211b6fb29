#!/usr/bin/env python3
"""A cluster at work, as `troupe top` shows it.

    top_test.py TROUPE [unittest options]
"""

import json
import os
import pty
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster_case import ClusterCase  # takes TROUPE from the command line
from run_test import LIMIT_S, TROUPE, wait_until  # takes TROUPE from the command line

OTHER_SCREEN, FIRST_SCREEN = "\033[?1049h", "\033[?1049l"


class Top(ClusterCase):
    def setUp(self):
        super().setUp()
        self.end = self.folder / "end"
        self.troupe("start", "--cpus", "2")

    def submit(self):
        """Two tasks that run, and three that wait, until `self.end` is there."""
        self.troupe("submit", self.file("g.yaml", json.dumps({"name": "g", "tasks": {"t": {
            "each": {"n": [1, 2, 3, 4, 5]}, "command": ["sh", "-c", f"until test -e {self.end}; do sleep 0.01; done"]}}})))
        wait_until("two run", lambda: self.json_lines("list", "nodes")[0]["running"] == 2)

    def on_terminal(self, *arguments):
        main, side = pty.openpty()
        process = subprocess.Popen([TROUPE, "top", *arguments], env=self.environment | {"NO_COLOR": "1"},
                                   stdin=subprocess.DEVNULL, stdout=side, stderr=subprocess.PIPE)
        os.close(side)
        return process, main

    @staticmethod
    def read(main, until=None):
        text = ""
        while until is None or until not in text:
            try:
                text += os.read(main, 65536).decode()
            except OSError:  # All of it is closed.
                break
        return text

    def test_a_program_gets_one_line_per_interval(self):
        self.submit()
        looks = self.json_lines("top", "--count", "3", "--interval", "50ms")
        self.assertEqual(len(looks), 3)
        for look in looks:
            self.assertEqual({key: look[key] for key in ("nodes_up", "cpus", "free_cpus", "running", "waiting")},
                             {"nodes_up": 1, "cpus": 2, "free_cpus": 0, "running": 2, "waiting": 3})
            self.assertEqual([node["state"] for node in look["nodes"]], ["up"])
        self.assertIsNone(looks[0]["commits_per_s"])
        self.assertEqual([type(look["commits_per_s"]) for look in looks[1:]], [float, float])
        self.end.touch()
        out, _ = self.troupe("top", "--count", "2", "--interval", "10ms")
        self.assertEqual(len(out.splitlines()), 2)
        self.assertIn("  1 of 1 nodes up, ", out)
        self.assertNotIn("\033", out)

    def test_on_a_terminal_it_stands_in_place_and_leaves_what_was_there(self):
        self.submit()
        process, main = self.on_terminal("--count", "2", "--interval", "50ms")
        text = self.read(main)
        self.assertEqual(process.wait(timeout=LIMIT_S), 0)
        process.stderr.close()
        self.assertTrue(text.startswith(OTHER_SCREEN))
        self.assertTrue(text.endswith(FIRST_SCREEN))
        self.assertIn("2 of 2 cpus taken, 2 running, 3 waiting", text)
        self.assertRegex(text, r"running +id\s")
        self.assertIn("t[2]", text)

    def test_an_interrupt_ends_it_in_order(self):
        process, main = self.on_terminal()
        self.read(main, until="nodes up")
        process.send_signal(signal.SIGINT)
        self.assertTrue(self.read(main).endswith(FIRST_SCREEN))
        self.assertEqual(process.wait(timeout=LIMIT_S), 130)
        process.stderr.close()

    def test_what_is_wrong_is_said_in_a_line(self):
        _, err = self.troupe("top", "--interval", "soon", code=2)
        self.assertIn("--interval: found 'soon', expected a duration", err)
        _, err = self.troupe("top", "--count", "0", code=2)
        self.assertIn("--count: found '0', expected a number of looks", err)
        self.troupe("stop")
        _, err = self.troupe("top", code=3)
        self.assertEqual(err, "troupe top: no cluster runs on this machine (troupe start starts one)\n")


if __name__ == "__main__":
    unittest.main()
