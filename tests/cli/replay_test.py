#!/usr/bin/env python3
"""Event logs of real clusters, run through the scheduler's core once more.

    replay_test.py TROUPE [unittest options]
"""

import os
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster_case import ClusterCase  # takes TROUPE from the command line
from run_test import wait_until  # takes TROUPE from the command line

GRAPH = r"""name: pair
tasks:
  first: {command: [sh, -c, 'echo 3 > $TROUPE_RESULT']}
  second: {after: [first], max_attempts: 2, command: [sh, -c, 'exit {first}']}
"""


class Replay(ClusterCase):
    def setUp(self):
        super().setUp()
        self.log = self.folder / "here" / "log"
        self.graph = self.file("pair.yaml", GRAPH)

    def replay(self, file="log", code=0):
        return self.json_lines("replay", str(self.folder / "here" / file), code=code)

    def recorded(self):
        """A log of a cluster that ran a graph and was stopped."""
        self.troupe("start", "--record", "log", "--cpus", "2")
        self.troupe("submit", "--wait", self.graph, code=1)
        self.troupe("stop")
        return self.log

    def test_what_a_cluster_did_it_does_again(self):
        self.recorded()
        (end,) = self.replay()
        self.assertGreater(end["events"], 5)
        self.assertGreater(end["effects"], end["events"])
        self.assertEqual((end["differences"], end["first_difference"], end["ends_early"]), (0, None, None))
        self.assertEqual(os.stat(self.log).st_mode & 0o777, 0o600)
        out, _ = self.troupe("replay", "log")
        self.assertEqual(out, f"{end['events']} events, {end['effects']} effects, 0 differences\n")

    def test_print_tells_what_happened(self):
        self.recorded()
        *events, end = self.json_lines("replay", "log", "--print")
        self.assertEqual([event["event"] for event in events], list(range(1, end["events"] + 1)))
        submit = next(event for event in events if " submits " in event["what"])
        self.assertTrue(any(effect.startswith("run ") for effect in submit["effects"]), submit)
        out, _ = self.troupe("replay", "log", "--print")
        self.assertIn(submit["what"], out)

    def test_a_scheduler_that_is_killed_and_the_next_one_leave_a_log_each(self):
        self.troupe("start", "--record", "log")
        supervisor = int((self.folder / "state/troupe/clusters/default/members/head/lock").read_text())
        children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        (scheduler,) = (int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text() == "scheduler\n")
        os.kill(scheduler, signal.SIGKILL)
        wait_until("the next one records", (self.folder / "here" / "log.2").exists)
        self.troupe("submit", "--wait", self.graph, code=1)
        self.troupe("stop")
        for file in "log", "log.2":
            (end,) = self.replay(file)
            self.assertGreater(end["events"], 0)
            self.assertEqual(end["differences"], 0)

    def test_a_private_cluster_is_recorded_too(self):
        self.troupe("run", "--record", "log", self.graph, code=1)
        (end,) = self.replay()
        self.assertEqual(end["differences"], 0)
        self.assert_nothing_left()

    def test_a_log_that_was_cut_is_run_up_to_the_cut(self):
        log = self.recorded()
        (whole,) = self.replay()
        log.write_bytes(log.read_bytes()[:-5])
        (cut,) = self.replay()
        self.assertEqual(cut["differences"], 0)
        self.assertEqual(cut["events"], whole["events"])
        self.assertIn("it was cut at byte ", cut["ends_early"])
        _, err = self.troupe("replay", "log")
        self.assertIn("its effects were not recorded", err)

    def test_effects_that_differ_are_told_and_fail(self):
        log = self.recorded()
        (end,) = self.replay()
        # The checksum of the last event's effects, and that of the record that holds it.
        log.write_bytes(with_last_record(log.read_bytes(), lambda body: body[:-1] + bytes([body[-1] ^ 1])))
        difference, last = self.replay(code=1)
        self.assertTrue(difference["differs"])
        self.assertEqual(last["differences"], 1)
        self.assertEqual(last["first_difference"], end["events"])
        out, _ = self.troupe("replay", "log", code=1)
        self.assertRegex(out, rf"(?s)differs: event {end['events']} .*effects were recorded, of checksum .*1 differences")

    def test_a_bad_file_is_refused(self):
        log = self.recorded()
        whole = log.read_bytes()
        for what, bytes_, found in [
                ("nothing", b"", "found nothing to read"),
                ("a graph", GRAPH.encode(), "byte 0: found no 'troupe event log 2'"),
                ("another version", whole.replace(b"log 2\n", b"log 7\n", 1), "byte 17: found version '7', expected 2"),
                ("a flipped bit", whole[:60] + bytes([whole[60] ^ 4]) + whole[61:], "byte 19, record 1: found the checksum")]:
            with self.subTest(what):
                log.write_bytes(bytes_)
                out, err = self.troupe("replay", "log", code=2)
                self.assertEqual(out, "")
                self.assertEqual(len(err.splitlines()), 1, err)
                self.assertIn(f"troupe replay: log: {found}", err)
        self.troupe("replay", "nowhere", code=2)

    def test_a_file_that_cannot_be_is_refused_before_anything_starts(self):
        for arguments in [("start", "--record", "nowhere/log"), ("run", "--record", ".", "--", "true"),
                          ("start", "--join", "x", "--record", "log")]:
            _, err = self.troupe(*arguments, code=2)
            self.assertIn("--record", err)
        self.assertEqual(os.listdir(self.folder / "tmp"), [])


def crc32c(data, before=0):
    total = ~before & 0xFFFFFFFF
    for byte in data:
        total ^= byte
        for _ in range(8):
            total = total >> 1 ^ (0x82F63B78 if total & 1 else 0)
    return ~total & 0xFFFFFFFF


def with_last_record(log, change):
    """The log with another body of its last record, and the checksums that fit it."""
    at = log.index(b"\n") + 1
    before = 0
    while True:
        length = int.from_bytes(log[at:at + 4], "little")
        if at + 12 + length == len(log):
            break
        before = int.from_bytes(log[at + 4:at + 8], "little")
        at += 12 + length
    body = change(log[at + 12:])
    head = len(body).to_bytes(4, "little") + crc32c(body, before).to_bytes(4, "little")
    return log[:at] + head + crc32c(head).to_bytes(4, "little") + body


if __name__ == "__main__":
    unittest.main()
