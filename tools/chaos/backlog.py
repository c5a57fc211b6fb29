"""Durable tasks that stay queued as long as the faults last (`--open N`): what each restart has to load and to hold.

They need what one node alone has, which takes no work, goes before the first fault, and comes back after the last."""

import json
import time

from . import checks, processes
from .cluster import AWAY, EVERYTHING, Failed
from .work import Graph, Task, each_of, entry_of

TASKS_OF_A_GRAPH = 20_000  # Its submit holds the scheduler up for a third of a second.
RUN_AT_MOST = 2_000  # When there are more, all are cancelled at the end.
PATIENCE_S = 60


class Backlog:
    def __init__(self, cluster, trace, program, size, findings):
        self._cluster, self._trace, self._findings = cluster, trace, findings
        self.size = size
        self._task = Task("t", [], run_ms=0, cpus=0.5, sum=1)
        self._entry = entry_of(self._task, program, str(trace.path))
        self._entry["needs"]["resources"] = {AWAY: 1}
        counts = [min(TASKS_OF_A_GRAPH, size - before) for before in range(0, size, TASKS_OF_A_GRAPH)]
        self._counts = {f"open-{i}": count for i, count in enumerate(counts)}  # of tasks, by the graph's name
        self._ids = {}

    def submit(self):
        if self.size == 0:
            return
        self._cluster.start([AWAY])
        self._cluster.of_cluster("drain", AWAY)
        for name, count in self._counts.items():
            file = self._cluster.folder / f"{name}.json"
            file.write_text(json.dumps({"name": name,
                                        "tasks": {"t": self._entry | {"each": {"i": list(range(count))}}}}))
            (answer,) = self._cluster.of_cluster("submit", file)
            self._ids[name] = answer["graph_id"]
            file.unlink()
        processes.kill(*self._cluster.tree(AWAY))

    def look(self):
        """While faults come: by the number of the records alone, for a million of them take seconds to read."""
        for name, graph_id in self._ids.items():
            # scheduler/store/README.md: one of the graph, two of each task.
            wanted = 1 + 2 * self._counts[name]
            found = self._cluster.store("HLEN", f"troupe:graph:{graph_id}")
            if found and found.isdigit() and int(found) != wanted:
                self._findings.tell_lost(name, f"the store has {found} records of it, expected {wanted}")

    def end(self):
        """Each is still there, and none has run. Now they may, or are cancelled."""
        for key in list(self._trace.by_task):
            if key[0] in self._counts:
                self._findings.tell(f"{'/'.join(key)} ran, and no node has what it needs")
        may_run = self.size <= RUN_AT_MOST
        try:
            if may_run and self.size:
                self._cluster.start([AWAY])
                self._cluster.of_cluster("drain", AWAY, "--undo")
            for name, count in self._counts.items():
                self._run(name, count) if may_run else self._cancel(name, count)
        except Failed as error:
            self._findings.tell(f"what was queued does not end: {error}")

    def _run(self, name, count):
        ended = [f"graph={name}", "--filter", "state=done"]
        self._wait(f"the end of {name}", lambda: len(self._rows(*ended)) == count)
        self._trace.read()
        graph = Graph(name, "", each_of(self._task, count), accepted=True, id=self._ids[name])
        checks.check_tasks(self._rows(f"graph={name}"), {name: graph}, self._trace, self._findings, complete=True)

    def _cancel(self, name, count):
        self._cluster.of_cluster("cancel", self._ids[name])
        rows = self._rows(f"graph={name}")
        for missing in {f"t[{i}]" for i in range(count)} - {row["task"] for row in rows}:
            self._findings.tell_lost(f"{name}/{missing}", "it was accepted, and the store does not have it")
        if len(rows) > count:
            self._findings.tell(f"{name} has {len(rows)} tasks, expected {count}")
        for row in rows:
            if row["state"] != "cancelled" or row["attempts"]:
                self._findings.tell(f"{name}/{row['task']} is {row['state']} with {len(row['attempts'])} attempts, "
                                    "expected that it was cancelled without any")

    def _rows(self, *filters):
        return self._cluster.of_cluster("list", "tasks", "--limit", EVERYTHING, "--filter", *filters)

    def _wait(self, what, look):
        end = time.monotonic() + PATIENCE_S
        while not look():
            if time.monotonic() > end:
                raise Failed(f"there was no sign of {what} for {PATIENCE_S} s")
            time.sleep(0.1)
