#!/usr/bin/env python3
"""Locks, semaphores, barriers and queues, used by the commands of a graph.

    sync_test.py TROUPE [unittest options]
"""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run_test import TROUPE, Case  # takes TROUPE from the command line


class Synchronisation(Case):
    def run_commands(self, commands, code=0):
        """Runs shell commands as tasks beside each other; what each wrote into its result file."""
        tasks = {name: {"command": ["bash", "-euc", f"troupe() {{ {TROUPE} \"$@\"; }}\n{text}"], "needs": {"cpus": 0.25}}
                 for name, text in commands.items()}
        graph = self.file("graph.json", json.dumps({"tasks": tasks}))
        lines = self.json_lines("run", graph, code=code)
        return {line["task"]: line["result"] for line in lines if "task" in line}

    def test_a_lock_keeps_commands_apart_and_its_tokens_grow(self):
        count = ('for i in 1 2 3 4 5; do troupe lock count -- bash -euc \'n=$(cat n 2>/dev/null || echo 0); '
                 'echo $((n + 1)) > n; echo "$TROUPE_TOKEN" >> tokens\'; done')
        self.run_commands({name: count for name in ("a", "b", "c", "d")})
        here = self.folder / "here"
        self.assertEqual((here / "n").read_text(), "20\n")
        tokens = [int(line) for line in (here / "tokens").read_text().split()]
        self.assertEqual(tokens, sorted(set(tokens)))
        self.assertEqual(len(tokens), 20)
        self.assert_nothing_left()

    def test_the_command_s_exit_code_passes_through(self):
        results = self.run_commands({
            "exit": "code=0; troupe lock x -- sh -c 'exit 7' || code=$?; echo $code > $TROUPE_RESULT",
            "signal": "code=0; troupe semaphore y --permits 2 -- sh -c 'kill -TERM $$' || code=$?; echo $code > $TROUPE_RESULT",
            "missing": "code=0; troupe lock z -- ./no-such-program 2>/dev/null || code=$?; echo $code > $TROUPE_RESULT",
        })
        self.assertEqual(results, {"exit": 7, "signal": 143, "missing": 127})

    def test_what_is_held_is_not_waited_for_beyond_the_limit(self):
        results = self.run_commands({
            "one": "troupe lock x -- bash -euc \"code=0; " + TROUPE + " lock x --limit 50ms -- true 2> said || code=\\$?; "
                   "echo \\$code > \\$TROUPE_RESULT\"",
        })
        self.assertEqual(results, {"one": 1})
        self.assertEqual((self.folder / "here" / "said").read_text(),
                         "troupe lock: lock 'x' is not free after 50 ms\n")

    def test_a_lock_is_free_when_the_attempt_that_took_it_is_killed(self):
        results = self.run_commands({
            "dies": "troupe lock x --lease 1h -- sh -c 'touch held; kill -KILL '$$'; sleep 100'",
            "next": "while ! [ -e held ]; do sleep 0.01; done; troupe lock x --limit 30s -- sh -c 'echo 1 > $TROUPE_RESULT'",
        }, code=1)
        self.assertEqual(results["next"], 1)
        self.assert_nothing_left()

    def test_a_barrier_lets_all_of_them_go_together(self):
        party = 'touch before.%s; troupe barrier all --parties 3; ls before.* | wc -l > $TROUPE_RESULT'
        self.assertEqual(self.run_commands({name: party % name for name in ("a", "b", "c")}),
                         {"a": 3, "b": 3, "c": 3})

    def test_messages_go_from_one_command_to_another_until_they_are_acknowledged(self):
        results = self.run_commands({
            "sends": "troupe queue send jobs one 'the second'; echo -n three | troupe queue send jobs",
            "receives": "for i in 1 2 3; do line=$(troupe queue receive jobs --limit 30s); echo \"${line#* }\" >> got; "
                        "troupe queue ack jobs ${line%% *}; done; code=0; "
                        "troupe queue receive jobs --limit 0 2>/dev/null || code=$?; echo $code > $TROUPE_RESULT",
        })
        self.assertEqual(results["receives"], 1)
        self.assertEqual((self.folder / "here" / "got").read_text(), "one\nthe second\nthree\n")

    def test_what_is_not_acknowledged_comes_again_and_then_is_a_dead_letter(self):
        results = self.run_commands({
            "one": "troupe queue send q x --max-deliveries 2 --capacity 5; "
                   "for i in 1 2; do troupe queue receive q --lease 100ms --limit 30s --format json >> got; done; "
                   "troupe queue receive q.dead --limit 30s --ack --format json >> got; "
                   "code=0; troupe queue ack q 17 2> said || code=$?; echo $code > $TROUPE_RESULT",
        })
        self.assertEqual(results, {"one": 1})
        got = [json.loads(line) for line in (self.folder / "here" / "got").read_text().splitlines()]
        self.assertEqual([(each["queue"], each["message"], each["deliveries"]) for each in got],
                         [("q", "x", 1), ("q", "x", 2), ("q.dead", "x", 3)])
        self.assertRegex((self.folder / "here" / "said").read_text(), "^troupe queue ack: no message of queue 'q' is held")

    def test_a_message_that_is_too_large_is_refused_at_once(self):
        results = self.run_commands({
            "one": "code=0; head -c 80000000 /dev/zero | troupe queue send q 2> said || code=$?; "
                   "echo $code > $TROUPE_RESULT"})
        self.assertEqual(results, {"one": 2})
        self.assertRegex((self.folder / "here" / "said").read_text(),
                         "^troupe queue send: a message has at most 524288 bytes, 80000000 were found")

    def test_without_a_cluster_nothing_is_started(self):
        _, err = self.troupe("lock", "x", "--", "touch", "started", code=3)
        self.assertRegex(err, "^troupe lock: no cluster runs on this machine")
        broken = self.file("broken.json", "{}")
        for command in (["barrier", "x", "--parties", "2"], ["queue", "send", "q", "x"], ["queue", "receive", "q"],
                        ["queue", "ack", "q", "1"]):
            _, err = self.troupe(*command, "--cluster", "/tmp/none.json", code=2)
            self.assertIn(": --cluster: there is no cluster file /tmp/none.json", err)
            self.assertIn("expected the cluster file", self.troupe(*command, "--cluster", broken, code=2)[1])
        for command in ("lock", "semaphore"):
            _, err = self.troupe(command, "x", "--cluster", broken, "--", "touch", "started", code=2)
            self.assertIn("expected the cluster file", err)
        _, err = self.troupe("lock", "x", code=2)
        self.assertRegex(err, "^troupe lock: expected a command behind --")
        _, err = self.troupe("lock", "x", "--lease", "soon", "--", "true", code=2)
        self.assertRegex(err, "^troupe lock: --lease: found 'soon'")
        self.assertFalse((self.folder / "here" / "started").exists())


if __name__ == "__main__":
    unittest.main()
