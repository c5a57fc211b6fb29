#!/usr/bin/env python3
"""A detached actor, which outlives its driver, as the command line shows it, and over a stop of its cluster.

    detached_test.py TROUPE DETACHED_DRIVER [unittest options]
"""

import os
import subprocess
import sys
import unittest

DRIVER = os.path.abspath(sys.argv.pop(2))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster_case import ClusterCase  # takes TROUPE from the command line
from run_test import LIMIT_S, wait_until  # takes TROUPE from the command line


class Detached(ClusterCase):
    def setUp(self):
        super().setUp()
        self.troupe("start", "--cpus", "2")

    def add(self, number):
        done = subprocess.run([DRIVER, self.folder / "state/troupe/clusters/default/cluster.json", str(number)],
                              env=self.environment, text=True, capture_output=True, timeout=LIMIT_S)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return int(done.stdout)

    def test_what_it_logged_is_there_after_a_stop_of_the_cluster(self):
        self.assertEqual([self.add(5), self.add(6)], [5, 11])
        self.troupe("stop")
        self.troupe("start", "--cpus", "2")
        self.assertEqual(self.add(1), 12)

    def test_it_is_named_as_it_is_shown(self):
        self.add(5)
        (listed,) = self.json_lines("list", "actors")
        self.assertEqual((listed["actor"], listed["lifetime"]), ("shop/book", "detached"))
        # Its worker tells once a second.
        wait_until("its call is told of", lambda: (self.json_lines("get", "shop/book")[0]["calls"] or {}).get("answered") == 1)
        (told,) = self.json_lines("get", "shop/book")
        self.assertEqual((told["actor_id"], told["class"], told["state"]),
                         (listed["actor_id"], "detached.Ledger", "running"))
        self.assertRegex(self.troupe("get", "shop/book")[0], r"(?m)^actor +shop/book$")
        self.assertEqual(self.json_lines("get", "shop/book/shop/book")[0]["actor_id"], listed["actor_id"])
        self.assertEqual(self.troupe("logs", "shop/book")[0], "")
        self.assertIn("there is no graph 'shop'", self.troupe("get", "shop/other", code=None)[1])
        self.assertGreater(self.json_lines("get", listed["actor_id"].split(".")[0])[0]["calls"]["answered"], 0)
        of_folder, _ = self.troupe("list", "actors", "--cluster", str(self.folder / "state/troupe/clusters/default"))
        self.assertIn("shop/book", of_folder)
        self.troupe("cancel", "shop/book")
        self.assertEqual(self.json_lines("list", "actors", "--filter", "state=running"), [])


if __name__ == "__main__":
    unittest.main()
