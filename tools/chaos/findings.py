"""What a run must not show: every broken promise is one line."""

import threading


class Findings:
    def __init__(self, log):
        self.log = log
        self._lock = threading.Lock()
        self._told = set()
        self._final = {}  # of each task that has ended, by id: how
        self._ids = {}  # of each graph, by name
        self.lost = set()
        self.doubled = set()
        self.lines = []

    def tell(self, line, once=None):
        with self._lock:
            if (once or line) in self._told:
                return
            self._told.add(once or line)
            self.lines.append(line)
        self.log(f"VIOLATION: {line}")

    def tell_lost(self, task, line):
        self.lost.add(task)
        self.tell(f"{task} is lost: {line}", once=("lost", task))

    def tell_doubled(self, task, line):
        self.doubled.add(task)
        self.tell(f"{task} {line}", once=("doubled", task))

    def take_reading(self, rows, began, graphs):
        """Compares with every reading before it. `began`: what was accepted earlier is in it."""
        seen = set()
        for row in rows:
            name = f"{row['graph']}/{row['task']}"
            seen.add(name)
            graph = graphs.get(row["graph"])
            if graph is None or row["task"] not in graph.tasks:
                self.tell(f"{name} ({row['task_id']}) is there, and nobody has submitted it", once=("stranger", name))
                continue
            if self._ids.setdefault(graph.name, row["graph_id"]) != row["graph_id"]:
                self.tell_doubled(name, f"is there in two graphs, {self._ids[graph.name]} and {row['graph_id']}")
            if row["state"] in ("done", "failed", "cancelled", "skipped"):
                self._compare(name, row)
            elif graph.cancelled_at and graph.cancelled_at < began and graph.tasks[row["task"]].is_cancelled:
                self.tell(f"{name} was cancelled, and is {row['state']}", once=("cancelled", name))
            elif row["task_id"] in self._final:
                self.tell_doubled(name, f"had ended ({self._final[row['task_id']]}), and is {row['state']} now")
        for graph in list(graphs.values()):
            if graph.accepted and graph.accepted_at < began:
                for task in graph.tasks:
                    if f"{graph.name}/{task}" not in seen:
                        self.tell_lost(f"{graph.name}/{task}", "it was accepted, and the store does not have it")

    def _compare(self, name, row):
        attempts = tuple((each["epoch"], each["number"], each["node_id"], each["end"], each["exit_code"],
                          each["signal"], each["ended"]) for each in row["attempts"])
        end = row["state"], repr(row["result"]), attempts
        before = self._final.setdefault(row["task_id"], end)
        if before != end:
            self.tell_doubled(name, f"had ended as {before}, and has now as {end}")
