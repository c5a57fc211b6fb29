"""Inflicts one fault after another, and measures the recovery from each (from what, and to what: README.md)."""

import signal
import threading
import time
from dataclasses import dataclass

from . import processes
from .cluster import HEAD, MEMBERS, NODES, STANDBY
from .outside import OUTSIDE

MEASURED = ("worker_killed", "agent_killed", "node_silent", "scheduler_killed", "standby_takeover", "redis_killed",
            "all_killed")
OF_ONE_NODE = ("agent_killed", "node_silent", "node_paused", "member_killed")
GRACE_S = 0.03  # What ends sooner by itself is not worth a kill.


class NotThere(Exception):
    """What a fault is to hit did not appear."""


@dataclass
class Hurt:
    """A node whose attempts may be lost."""
    node: str
    began: float
    ended: float


@dataclass
class Recovery:
    kind: str
    began: float
    find: object  # returns when it was over, or None; raises StopIteration when it can no longer be seen
    of: str = ""  # which attempt, where one was meant
    tainted: bool = False  # another fault came in between


class Faults:
    def __init__(self, cluster, trace, work, patience_s, log):
        """`patience_s`: for the recovery from one fault, and for what one is to hit."""
        self.cluster, self.trace, self.work, self.log = cluster, trace, work, log
        self.patience_s = patience_s
        self.hurts = []
        self.counts = {}
        self.samples = {kind: [] for kind in MEASURED}  # seconds
        self._open = []  # recoveries
        self._resume = []  # (when, what is stopped)

    def inflict(self, fault):
        for recovery in self._open:
            recovery.tainted = True
        began = time.monotonic()
        recovery = getattr(self, f"_{fault.kind}")(fault)
        self.counts[fault.kind] = self.counts.get(fault.kind, 0) + 1
        self.log(f"{fault.kind} {fault.node if fault.kind in OF_ONE_NODE else ''}".rstrip())
        if recovery and fault.kind in MEASURED:
            self._open.append(recovery)
        if fault.alone or fault.kind in ("standby_takeover", "all_killed"):
            self._wait_quietly(lambda: recovery not in self._open, began + self.patience_s)
        if fault.kind == "standby_takeover":
            self.resume_all()

    def tick(self):
        """Resumes what has been stopped for long enough, and looks for recoveries."""
        now = time.monotonic()
        due = [pids for when, pids in self._resume if when <= now]
        self._resume = [each for each in self._resume if each[0] > now]
        for stopped in due:
            _resume(stopped)
        self.trace.read()
        self._open = [recovery for recovery in self._open if not self._is_over(recovery, now)]

    def resume_all(self):
        for _, stopped in self._resume:
            _resume(stopped)
        self._resume = []

    def pause(self, seconds):
        self._wait_quietly(lambda: False, time.monotonic() + seconds)

    # ---- one function a kind ----

    def _worker_killed(self, fault):
        run = self._wait("an attempt that may be killed", lambda: self._held_victim(fault.choice))
        task = self.work.task(run.key)
        if task:
            task.kills += 1
        run.killed = time.monotonic()
        processes.kill(run.pid)
        if not self._is_plain(run):
            return None

        def find():
            if run.ended is not None:  # It was quicker.
                raise StopIteration
            return self._next_start(run, run.killed)
        return Recovery(fault.kind, run.killed, find, of=f" of {run.key}")

    def _agent_killed(self, fault):
        agent = self._child(fault.node, "agent")
        runs = self._runs_below(agent)
        began = time.monotonic()
        self.hurts.append(Hurt(fault.node, began, began))
        processes.kill(agent.pid)
        return self._work_elsewhere(fault.kind, began, runs)

    def _node_silent(self, fault):
        agent = self._child(fault.node, "agent")
        began = time.monotonic()
        stopped = self._stop([agent, *processes.descendants(agent.pid)], fault.pause_s)
        runs = self._runs_below(agent)
        self.hurts.append(Hurt(fault.node, began, began + fault.pause_s))
        return self._work_elsewhere(fault.kind, began, runs) if stopped else None

    _node_paused = _node_silent

    def _scheduler_killed(self, fault):
        epoch, member = self._wait("an active scheduler", self.cluster.lease)
        scheduler = self._child(member, "scheduler")
        began = time.monotonic()
        processes.kill(scheduler.pid)
        return self._dispatch_of_later_epoch(fault.kind, began, epoch)

    def _standby_takeover(self, fault):
        epoch, member = self._wait("an active scheduler", self.cluster.lease)
        self._child(STANDBY if member == HEAD else HEAD, "scheduler")
        scheduler = self._child(member, "scheduler")
        began = time.monotonic()
        self._stop([scheduler], 2 * self.patience_s)
        return self._dispatch_of_later_epoch(fault.kind, began, epoch)

    def _standby_killed(self, fault):
        _, member = self._wait("an active scheduler", self.cluster.lease)
        processes.kill(self._child(STANDBY if member == HEAD else HEAD, "scheduler").pid)

    def _redis_killed(self, fault):
        redis = self._child(HEAD, "redis")
        began = time.monotonic()
        processes.kill(redis.pid)
        first = self._wait("an answer of the store", self.cluster.commits)

        def find():
            now = time.monotonic()
            return now if (self.cluster.commits() or 0) > first else None
        return Recovery(fault.kind, began, find)

    def _redis_paused(self, fault):
        self._stop([self._child(HEAD, "redis")], fault.pause_s)

    def _member_killed(self, fault):
        """With its supervisor, as a machine that fails; of the head the store, too."""
        self._kill_members([fault.node])
        self.pause(fault.pause_s)
        self.cluster.start([fault.node])

    def _all_killed(self, fault):
        self._kill_members(MEMBERS)
        began = time.monotonic()
        self.cluster.start()
        return Recovery(fault.kind, began, lambda: self.trace.first_start(began, lambda run: run.epoch > 0))

    # ---- what they share ----

    def _kill_members(self, members):
        began = time.monotonic()
        self.hurts += [Hurt(member, began, began) for member in members if member in NODES]
        trees = [self.cluster.tree(member) for member in members]
        # Who would report, or start anew, first.
        processes.kill(*(tree[0] for tree in trees if tree))
        processes.kill(*(pid for tree in trees for pid in tree[1:]))
        self._wait("their end", lambda: not any(processes.read(pid) for tree in trees for pid in tree))

    def _dispatch_of_later_epoch(self, kind, began, epoch):
        return Recovery(kind, began, lambda: self.trace.first_start(began, lambda run: run.epoch > epoch))

    def _work_elsewhere(self, kind, began, runs):
        runs = [run for run in runs if self._is_plain(run)]

        def find():
            moved = [run for run in runs if run.ended is None]
            if not moved:
                raise StopIteration
            starts = [self._next_start(run, began) for run in moved]
            return None if None in starts else max(starts)
        return Recovery(kind, began, find)

    def _next_start(self, run, began):
        """Of the attempt after `run`; of a task that had been given elsewhere before, there is nothing to be seen."""
        start = self.trace.next_start(run.key, run.started)
        if start is not None and start < began:
            raise StopIteration
        return start

    def _is_plain(self, run):
        task = self.work.task(run.key)
        return task is None or task.is_plain

    def _runs_below(self, agent):
        pids = {process.pid for process in processes.descendants(agent.pid)}
        return [run for run in self.trace.under_way() if run.pid in pids and processes.read_since(run.pid, run.started)]

    def _held_victim(self, choice):
        """Stopped, so that it is still at what it is killed for: a worker goes on with something else in between."""
        run = self._victim(choice)
        if run is None or not processes.hold(run.pid):
            return None
        self.trace.read()
        if run.ended is None:
            return run
        processes.send([run.pid], signal.SIGCONT)
        return None

    def _victim(self, choice):
        now = time.monotonic()
        plain, others, drivers = [], [], []
        for run in self.trace.under_way():
            task = self.work.task(run.key)
            if task is None:
                if run.graph != OUTSIDE and not run.task.startswith("failing"):  # It has one attempt.
                    drivers.append(run)
            elif task.may_be_killed and now - run.started + GRACE_S < task.run_ms / 1000:
                (plain if task.is_plain else others).append(run)
        # Half are plain commands, a quarter other ones: `choice` first says of which kind, then which one.
        share = int(choice * 4)
        runs = [plain, plain, others, drivers][share] or plain or others or drivers
        # Of an actor, or of what ended with its node, nobody has told the end.
        runs = [run for run in runs if processes.read_since(run.pid, run.started)]
        return runs[int((choice * 4 - share) * len(runs))] if runs else None

    def _child(self, member, name):
        return self._wait(f"{name} of {member}", lambda: self.cluster.child(member, name))

    def _stop(self, stopped, seconds):
        """Parents first, so that none sees another's silence."""
        sent = processes.send([process.pid for process in stopped], signal.SIGSTOP)
        self._resume.append((time.monotonic() + seconds, stopped))
        return sent

    def _is_over(self, recovery, now):
        try:
            end = recovery.find()
        except StopIteration:
            return True
        if end is None:
            if now - recovery.began < self.patience_s:
                return False
            tainted = " (tainted)" if recovery.tainted else ""
            self.log(f"no recovery from {recovery.kind} within {self.patience_s:.0f} s{tainted}")
            return True
        if not recovery.tainted:
            self.samples[recovery.kind].append(end - recovery.began)
            self.log(f"recovered from {recovery.kind}{recovery.of} after {(end - recovery.began) * 1000:.0f} ms")
        return True

    def _wait_quietly(self, holds, until):
        while time.monotonic() < until and not self.work.is_over.is_set():
            self.tick()
            if holds():
                return
            self.work.is_over.wait(0.01)

    def _wait(self, what, look):
        end = time.monotonic() + self.patience_s
        while True:
            self.tick()
            if found := look():
                return found
            if time.monotonic() > end:
                raise NotThere(f"there was no sign of {what} for {self.patience_s:.0f} s")
            threading.Event().wait(0.01)


def _resume(stopped):
    """Children first: they end by themselves what their parents would take for silent."""
    for process in reversed(stopped):
        now = processes.read(process.pid)
        if now and now.started == process.started:
            processes.send([process.pid], signal.SIGCONT)
