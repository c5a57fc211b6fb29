"""Real processes under faults: `tools/dev chaos --seconds N --seed S` (README.md)."""

import argparse
import json
import signal
import sys
import time
from pathlib import Path

from . import checks, losses, plan, together
from .backlog import Backlog
from .cluster import NODES, Cluster, Failed
from .driver import Driver
from .faults import MEASURED, Faults, NotThere
from .findings import Findings
from .messages import Messages
from .outside import Outside
from .submitter import Work, is_final
from .trace import Trace

PATIENCE_S = 20  # For the recovery from one fault.
ENDING_S = 40  # For what is accepted to end, once the faults are over.
LOADED_PER_S = 25_000  # Of tasks that are open, by a scheduler on a busy machine.


def arguments():
    parser = argparse.ArgumentParser(prog="tools/dev chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--open", type=int, default=0, help="tasks that stay queued as long as the faults last")
    parser.add_argument("--build", type=Path, default=Path("build"), help="the folder of what is tried")
    parser.add_argument("--troupe", type=Path, help="another program than BUILD/troupe")
    parser.add_argument("--keep", action="store_true", help="the folder, also when nothing was found")
    return parser.parse_args()


class Run:
    def __init__(self, options):
        self.options = options
        self.began = time.monotonic()
        self.wall_offset = time.time() - self.began
        build = options.build.absolute()
        self.cluster = Cluster(str(options.troupe or build / "troupe"), room_for=options.open)
        self.log_file = open(self.cluster.folder / "log", "w")
        self.findings = Findings(self.log)
        self.trace = Trace(self.cluster.folder / "trace")
        attempt, self.driver_program, messages = (
            str(build / "tools/chaos" / name) for name in ("chaos_attempt", "chaos_driver", "chaos_messages"))
        self.backlog = Backlog(self.cluster, self.trace, attempt, options.open, self.findings)
        self.work = Work(self.cluster, self.trace, options.seed, attempt, self.backlog, self.findings)
        self.messages = Messages(self.cluster, messages, options.seed, self.findings)
        self.outside = Outside(self.cluster, self.trace, options.seed, attempt, self.findings)
        self.driver = None
        self.load_s = options.open / LOADED_PER_S
        self.faults = Faults(self.cluster, self.trace, self.work, PATIENCE_S + self.load_s, self.log)

    def log(self, line):
        text = f"{time.monotonic() - self.began:8.3f} {line}"
        print(text, file=self.log_file, flush=True)
        print(text, file=sys.stderr, flush=True)

    def go(self):
        self.cluster.start()
        self.backlog.submit()
        self.driver = Driver(self.cluster, self.driver_program, self.trace, self.options.seed, self.findings)
        for work in (self.messages, self.outside, self.work):
            work.start()
        self.inflict()
        self.faults.resume_all()
        self.work.end()
        self.outside.end()
        rows = self.wait_for_ends()
        self.check(rows)
        self.backlog.end()
        self.take_down()

    def inflict(self):
        end = time.monotonic() + self.options.seconds
        for fault in plan.faults(self.options.seed, NODES):
            self.faults.pause(min(fault.after_s, max(0, end - time.monotonic())))
            if time.monotonic() >= end:
                return
            try:
                self.faults.inflict(fault)
            except (NotThere, Failed) as error:
                self.findings.tell(f"{fault.kind}: {error}")
                return

    def wait_for_ends(self):
        limit_s = ENDING_S + self.load_s
        end = time.monotonic() + limit_s
        self.driver.end(limit_s)
        self.messages.end(limit_s)
        while True:
            rows = self.work.read()
            if rows is not None and all(map(is_final, rows)) or time.monotonic() > end:
                break
            time.sleep(0.2)
        if rows is None:
            self.findings.tell(f"the store cannot be read after the faults: {self.cluster.store('PING')}")
        return rows or []

    def check(self, rows):
        self.trace.read()
        ids, graphs = self.cluster.node_ids(), self.work.graphs
        checks.check_tasks(rows, graphs, self.trace, self.findings, complete=True)
        grants = checks.check_overlaps(rows, self.trace, self.faults.hurts, ids, self.findings)
        checks.check_capacity(grants, lambda key: graphs[key[0]].tasks[key[1]].cpus, self.findings)
        checks.check_driver(self.driver.ended, self.trace, self.findings)
        losses.check_losses(rows, self.faults.hurts, ids, self.wall_offset, self.findings)
        holds = together.Holds(rows, graphs, self.trace, self.faults.hurts, ids)
        holds.check(self.findings)
        self.outside.check()
        self.messages.check()
        self.counts = {
            "gang_starts": together.check_gangs(rows, graphs, self.findings),
            "cancelled_tasks": together.check_cancels(rows, graphs, self.trace, self.faults.hurts, ids, self.findings),
            "cancels": sum(graph.cancelled_at is not None for graph in graphs.values()),
            "lock_grants": holds.size(), "lock_grants_outside": self.outside.grants(),
            "lock_takers_killed": self.outside.counts["killed"],
            "preempted": count_ends(rows, "preempted"),
            "untaken": sum(row["graph"] in graphs and graphs[row["graph"]].tasks[row["task"]].is_untaken
                           for row in rows if row["state"] == "skipped"),
            "iterations": sum(row["iteration"] for row in rows)} | self.messages.counts()
        self.not_begun = losses.given_up_before_three_died(rows, self.trace)
        for line in self.not_begun:
            self.log(f"given up before three workers died under it: {line}")
        self.unexplained = losses.losses_without_a_cause(rows, self.trace, self.faults.hurts, ids, self.wall_offset)
        for line in self.unexplained:
            self.log(f"lost without a fault: {line}")
        for line in self.driver.actors_ended:
            self.log(f"an actor of the driver ended: {line}")

    def take_down(self):
        try:
            self.cluster.stop()
        except Failed as error:
            self.findings.tell(f"it does not stop: {error}")
        end = time.monotonic() + 5
        while (left := self.cluster.left_over()) and time.monotonic() < end:
            time.sleep(0.02)
        for line in left:
            self.findings.tell(f"left behind: {line}")

    def report(self):
        tasks = self.work.accepted_tasks() + self.driver.counts["tasks"]
        counts = self.faults.counts
        return {"seconds": self.options.seconds, "seed": self.options.seed, "open": self.backlog.size,
                "tasks": tasks, "calls": self.driver.counts["calls"], "faults": sum(counts.values()),
                "lost": len(self.findings.lost), "doubled": len(self.findings.doubled),
                "violations": len(self.findings.lines),
                "recovery": {kind: percentiles(self.faults.samples[kind]) for kind in MEASURED},
                "faults_by_kind": {kind: counts.get(kind, 0) for kind in plan.BAG},
                "attempts": self.trace.size(), "failed_calls": self.driver.counts["failed_calls"],
                "lost_without_a_fault": len(self.unexplained), "submits_not_answered": self.work.refused,
                "given_up_before_three_died": len(self.not_begun)} | self.counts

    def clear(self, keep):
        self.faults.resume_all()
        self.work.is_over.set()
        self.log_file.close()
        self.cluster.clear(keep)


def count_ends(rows, end):
    return sum(each["end"] == end for row in rows for each in row["attempts"])


def percentiles(seconds):
    def at(share):
        return round(1000 * sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))], 1) if seconds else None
    return {"n": len(seconds), "p50_ms": at(0.5), "p99_ms": at(0.99)}


def main():
    def interrupt(*_):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    run = Run(arguments())
    keep = True
    try:
        run.go()
        report = run.report()
        keep = bool(run.findings.lines) or run.options.keep
    except KeyboardInterrupt:
        keep = False
        return 130
    finally:
        run.clear(keep)
    for line in run.findings.lines:
        print(f"violation: {line}", file=sys.stderr)
    if keep:
        print(f"kept: {run.cluster.folder} (log, trace, the members' logs under {run.cluster.home / 'members'})",
              file=sys.stderr)
    print(json.dumps(report))
    return 1 if run.findings.lines else 0


if __name__ == "__main__":
    sys.exit(main())
