"""Submits graphs as long as the run lasts, and reads again and again what has become of them."""

import json
import threading
import time

from . import cluster as clusters
from .shapes import make_graph
from .work import ALWAYS

OPEN_TASKS = 30  # So many that some are always ready, so few that what starts again seldom stands in line.
SUBMITTERS = 2
CANCEL_LIMIT_S = 60
READING_SHARE = 5  # A reading takes one part in so many of the reader's time, at most.


class Work:
    def __init__(self, cluster, trace, seed, program, backlog, findings):
        self._cluster, self._trace, self._seed, self._program = cluster, trace, seed, program
        self._backlog, self._findings = backlog, findings
        self._lock = threading.Lock()
        self._count = 0
        self._settled = set()  # names of graphs that have ended, or were refused
        self._threads = []
        self.graphs = {}  # by name
        self.refused = 0  # submits whose outcome nobody was told
        self.is_over = threading.Event()

    def start(self):
        for body in [self._submit] * SUBMITTERS + [self._read]:
            thread = threading.Thread(target=body, daemon=True)
            thread.start()
            self._threads.append(thread)

    def end(self):
        """No more is submitted."""
        self.is_over.set()
        for thread in self._threads:
            thread.join()

    def task(self, key):
        graph = self.graphs.get(key[0])
        return graph.tasks.get(key[1]) if graph else None

    def accepted(self):
        with self._lock:
            return [graph for graph in self.graphs.values() if graph.accepted]

    def accepted_tasks(self):
        return sum(len(graph.tasks) for graph in self.accepted())

    def read(self):
        """Of each task what the store has; None when it cannot be read."""
        began = time.monotonic()
        of_these = ("--filter", "graph=g*") if self._backlog.size else ()
        try:
            rows = self._cluster.of_cluster("list", "tasks", "--limit", clusters.EVERYTHING, *of_these)
        except (clusters.Failed, ValueError):
            return None
        rows = [row for row in rows if row["graph"]]  # What drivers own is in no store.
        self._findings.take_reading(rows, began, self.graphs)
        self._backlog.look()
        by_graph = {}
        for row in rows:
            by_graph.setdefault(row["graph"], []).append(row)
        with self._lock:
            self._settled |= {name for name, of_graph in by_graph.items() if all(map(is_final, of_graph))}
        return rows

    def _submit(self):
        while not self.is_over.is_set():
            if self._open() > OPEN_TASKS:
                self.is_over.wait(0.05)
                continue
            with self._lock:
                self._count += 1
                graph = make_graph(self._seed, self._count, self._program, str(self._trace.path))
                self.graphs[graph.name] = graph
            file = self._cluster.folder / f"{graph.name}.json"
            file.write_text(graph.text)
            try:
                (answer,) = self._cluster.of_cluster("submit", file)
            except (clusters.Failed, ValueError) as error:
                self._findings.log(f"submit of {graph.name}: {error}")
                self.refused += 1
                self._settled.add(graph.name)  # It may be there or not: nobody waits for it.
                self.is_over.wait(0.2)
                continue
            finally:
                file.unlink()
            graph.id, graph.accepted_at = answer["graph_id"], time.monotonic()
            graph.accepted = True
            if graph.cancel_after_s is not None:
                self.is_over.wait(graph.cancel_after_s)
                self._cancel(graph)

    def _cancel(self, graph):
        """Until somebody says that it is so: what was asked may have been done or not."""
        graph.cancel_asked = True
        end = time.monotonic() + CANCEL_LIMIT_S
        while time.monotonic() < end:
            try:
                self._cluster.of_cluster("cancel", f"{graph.id}/{graph.cancel_of}" if graph.cancel_of else graph.id)
            except (clusters.Failed, ValueError):
                time.sleep(0.2)  # The scheduler may be starting anew.
                continue
            graph.cancelled_at = time.monotonic()
            with self._lock:
                self._settled.add(graph.name)
            return
        self._findings.tell(f"{graph.name} could not be cancelled for {CANCEL_LIMIT_S} s")

    def _open(self):
        """How many tasks have not ended, as far as the trace shows."""
        with self._lock:
            graphs = [graph for name, graph in self.graphs.items() if name not in self._settled]
        count = 0
        for graph in graphs:
            open_here = sum(1 for end in self._ends(graph).values() if end is None)
            count += open_here
            if open_here == 0:
                self._settled.add(graph.name)
        return count

    def _ends(self, graph):
        """Of each task: whether it is done (True), will never be (False), or neither yet (None)."""
        ends = {}
        for task in graph.tasks.values():  # Those before it come first.
            runs = list(self._trace.by_task.get((graph.name, task.name), ()))
            if task.is_untaken or any(run.end == "done" for run in runs):
                ends[task.name] = True
            elif any(ends[before] is False for before in task.after) or (
                    task.failing >= ALWAYS and sum(run.end == "failed" for run in runs) == task.max_attempts):
                ends[task.name] = False
            else:
                ends[task.name] = None
        return ends

    def _read(self):
        while not self.is_over.is_set():
            began = time.monotonic()
            self.read()
            self.is_over.wait(max(0.5, READING_SHARE * (time.monotonic() - began)))


def is_final(row):
    return row["state"] in ("done", "failed", "cancelled", "skipped")
