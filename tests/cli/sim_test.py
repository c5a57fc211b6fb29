#!/usr/bin/env python3
"""`troupe sim` as a program sees it: its JSON, its exit codes, what a failure leaves behind."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TROUPE = Path(sys.argv.pop(1)).resolve()


def sim(*words, folder="."):
    return subprocess.run([TROUPE, "sim", *words], capture_output=True, text=True, cwd=folder, timeout=100)


class Sim(unittest.TestCase):
    def test_seeds_end_in_one_line_of_json(self):
        done = sim("--seeds", "1..20", "--format", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        line = json.loads(done.stdout)
        self.assertEqual(line["seeds"], 20)
        self.assertEqual(line["failures"], 0)
        self.assertGreater(line["events"], 1000)
        self.assertGreater(line["tasks_ended"], 1000 * line["simulated_hours"])
        self.assertRegex(line["trace_hash"], "^[0-9a-f]{16}$")

    def test_the_same_seeds_leave_the_same_trace(self):
        first, second, other = (json.loads(sim("--seeds", seeds, "--format", "json").stdout)["trace_hash"]
                                for seeds in ("7..9", "7..9", "8..10"))
        self.assertEqual(first, second)
        self.assertNotEqual(first, other)

    def test_a_planted_bug_is_hunted_from_the_first_seed_on(self):
        done = sim("--seeds", "50..50", "--planted", "acknowledged_before_commit", "--format", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        line = json.loads(done.stdout)
        self.assertEqual((line["bug"], line["found"]), ("acknowledged_before_commit", True))
        self.assertEqual(line["seed"], 50 + line["seeds_tried"] - 1)
        self.assertTrue(line["invariant"].startswith("1: "), line)

    def test_a_failure_names_its_replay_and_shrinks_to_a_file_that_fails_too(self):
        with tempfile.TemporaryDirectory() as folder:
            done = sim("--seeds", "3..3", "--planted", "cancel_lost_in_race_with_dispatch", "--shrink", folder=folder)
            self.assertEqual(done.returncode, 1)
            self.assertIn("broken: 11: ", done.stderr)
            self.assertIn("troupe sim --seeds 3..3 --planted cancel_lost_in_race_with_dispatch --trace", done.stderr)
            again = sim("--schedule", "sim-3.schedule", folder=folder)
            self.assertEqual(again.returncode, 1)
            self.assertIn("broken: 11: ", again.stderr)

    def test_a_bad_line_is_refused(self):
        for words, expected in ((("--seeds", "9..1"), "expected A..B"),
                                (("--planted", "cancel_lost_in_race"), "no bug is called"),
                                (("--schedule", "/nowhere"), "cannot be read")):
            done = sim(*words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(expected, done.stderr)
            self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
