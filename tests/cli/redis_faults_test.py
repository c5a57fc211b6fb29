#!/usr/bin/env python3
"""A standing cluster whose scheduler is cut from Redis, or whose Redis cannot sync its file.

    redis_faults_test.py TROUPE FAILING_FSYNC [unittest options]
"""

import errno
import json
import os
import select
import shutil
import signal
import socket
import struct
import sys
import threading
import unittest

FAILING_FSYNC = os.path.abspath(sys.argv.pop(2))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run_test import LIMIT_S, wait_until  # takes TROUPE from the command line
import standing_test

TO_REDIS, FROM_REDIS = "to redis", "from redis"


class Relay:
    """Takes the place of Redis' socket. What a cut holds up comes on when it is healed, as from a network."""

    def __init__(self, path):
        self.target = path.with_suffix(".real")
        path.rename(self.target)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.ends = {}  # One end: the other one, the client's process, and which way it sends.
        self.held = []  # Ends whose bytes do not pass.
        self.stops = False
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def cut(self, process, *ways):
        """The connections that the process has now."""
        with self.lock:
            self.held = [end for end, (_, client, way) in self.ends.items() if client == process and way in ways]

    def heal(self):
        with self.lock:
            self.held = []

    def close(self):
        self.stops = True
        self.thread.join()
        for end in [*self.ends, self.listener]:
            end.close()

    def run(self):
        while not self.stops:
            with self.lock:
                passing = [end for end in self.ends if end not in self.held]
            for end in select.select([self.listener, *passing], [], [], 0.005)[0]:
                self.accept() if end is self.listener else self.pass_on(end)

    def accept(self):
        client, _ = self.listener.accept()
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self.target))
        except OSError:
            client.close()
            return
        process, _, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        with self.lock:
            self.ends |= {client: (server, process, TO_REDIS), server: (client, process, FROM_REDIS)}

    def pass_on(self, end):
        with self.lock:
            if end in self.held or end not in self.ends:
                return
            other, _, _ = self.ends[end]
            try:
                data = end.recv(1 << 20)
                other.sendall(data)
            except OSError:
                data = b""
            if not data:
                for each in (end, other):
                    del self.ends[each]
                    each.close()


class RedisFaults(standing_test.Cluster):
    def relayed(self):
        """A relay between the head's scheduler, a new one, and Redis."""
        (path,) = (self.folder / "tmp").glob("troupe-*/redis.sock")
        relay = Relay(path)
        self.addCleanup(relay.close)
        epoch = int(self.redis("GET", "troupe:epoch"))
        os.kill(self.processes_of("head")["scheduler"], signal.SIGKILL)
        wait_until("the next one is there", lambda: int(self.redis("GET", "troupe:epoch")) > epoch)
        self.troupe("run", "--", "true")
        return relay

    def task_that_traces(self, trace, go):
        driver, _ = self.running_graph(go, f"echo x >> {trace}")
        return driver

    def assert_done_once(self, driver, trace):
        self.assert_first_attempt_is_done(driver)
        self.assertEqual(trace.read_text(), "x\n")

    def test_while_its_scheduler_is_cut_from_redis_what_runs_ends_and_nothing_is_acknowledged(self):
        self.troupe("start", "--cpus", "2")
        relay = self.relayed()
        for number, ways in enumerate([(TO_REDIS, FROM_REDIS), (TO_REDIS,), (FROM_REDIS,)]):
            go, traces = self.folder / f"go-{number}", [self.folder / f"trace-{number}-{which}" for which in "ab"]
            first = self.task_that_traces(traces[0], go)
            epoch = self.redis("GET", "troupe:epoch")
            relay.cut(self.processes_of("head")["scheduler"], *ways)
            second = self.start("submit", "--wait", "--format", "json", "--", "sh", "-c", f"echo x >> {traces[1]}")
            go.touch()
            wait_until("what ran has ended", traces[0].exists)
            # Nobody is told of it, nor that the second one is taken; nor is that started.
            self.assertEqual(select.select([first.stdout, second.stdout], [], [], 1)[0], [])
            self.assertFalse(traces[1].exists())
            relay.heal()
            second.stdout.readline()
            for driver, trace in zip((first, second), traces):
                self.assert_done_once(driver, trace)
            self.assertEqual(self.redis("GET", "troupe:epoch"), epoch)

    def test_a_stand_by_takes_over_from_a_scheduler_that_is_cut_from_redis(self):
        self.troupe("start", "--cpus", "2")
        relay = self.relayed()
        self.troupe("start", "--standby")
        go, trace = self.folder / "go", self.folder / "trace"
        driver = self.task_that_traces(trace, go)
        relay.cut(self.processes_of("head")["scheduler"], TO_REDIS, FROM_REDIS)
        go.touch()
        wait_until("the stand-by has the lease", lambda: "standby-1" in self.redis("GET", "troupe:lease"))
        self.assert_done_once(driver, trace)
        relay.heal()
        wait_until("the old one says who took over", lambda: "took over in epoch" in self.log_of("head"))
        self.troupe("run", "--", "true")

    def with_failing_fsync(self):
        """The environment of a cluster whose Redis cannot sync while a file is there; and that file."""
        fault, programs = self.folder / "fault", self.folder / "programs"
        programs.mkdir()
        real = shutil.which("redis-server") or shutil.which("redis-check-rdb")
        server = programs / "redis-server"
        server.write_text(f'#!/bin/bash\nLD_PRELOAD={FAILING_FSYNC} exec -a redis-server {real} "$@"\n')
        server.chmod(0o755)
        return fault, self.environment | {"PATH": f"{programs}:{os.environ['PATH']}", "TROUPE_TEST_DISK_FAULT": str(fault)}

    def test_a_redis_that_cannot_sync_is_started_again_and_nothing_unsynced_is_acknowledged(self):
        fault, environment = self.with_failing_fsync()
        self.troupe("start", "--cpus", "2", env=environment)
        for number in (errno.EIO, errno.ENOSPC):
            go, traces = self.folder / f"go-{number}", [self.folder / f"trace-{number}-{which}" for which in "ab"]
            first = self.task_that_traces(traces[0], go)
            fault.write_text(str(number))
            second = self.start("submit", "--wait", "--format", "json", "--", "sh", "-c", f"echo x >> {traces[1]}")
            go.touch()
            wait_until("the operator is told", lambda: os.strerror(number) in self.log_of("head"))
            self.assertFalse(traces[1].exists())
            self.assertIsNone(second.poll())
            fault.unlink()
            self.assertEqual(json.loads(second.stdout.readline())["tasks"], 1)
            for driver, trace in zip((first, second), traces):
                self.assert_done_once(driver, trace)
        (line,) = [line for line in self.log_of("head").splitlines() if os.strerror(errno.EIO) in line]
        self.assertIn("it is started again", line)

    def test_a_redis_that_can_never_sync_ends_the_cluster_and_with_a_good_disk_all_acknowledged_is_there(self):
        fault, environment = self.with_failing_fsync()
        self.troupe("start", "--cpus", "1", env=environment)
        self.troupe("run", "--", "true")
        before = self.json_lines("list", "graphs")
        fault.write_text(str(errno.EIO))
        supervisor = self.supervisor_of("head")
        submit = self.start("submit", "--", "true")
        wait_until("it gives up", lambda: not os.path.exists(f"/proc/{supervisor}"))
        last = self.log_of("head").splitlines()[-1]
        self.assertIn("redis-server died too often", last)
        self.assertIn(os.strerror(errno.EIO), last)
        fault.unlink()
        self.troupe("start", "--cpus", "1", env=environment)
        self.assertEqual(submit.wait(LIMIT_S), 0)  # It had waited for a cluster.
        graphs = {graph["graph_id"]: graph for graph in self.json_lines("list", "graphs")}
        self.assertEqual((len(graphs), graphs[before[0]["graph_id"]]), (2, before[0]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
