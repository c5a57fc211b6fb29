"""What attempts say of themselves: `S|E|F|T GRAPH TASK EPOCH.NUMBER PID MONOTONIC_NS [TOKEN]` (attempt.cpp)."""

import threading
from dataclasses import dataclass, field

ENDS = {"E": "done", "F": "failed", "T": "stopped"}


@dataclass
class Run:
    """An attempt as its own process saw it."""
    graph: str
    task: str
    attempt: str
    pid: int
    started: float  # of the monotonic clock, as all times
    ended: float | None = None
    end: str | None = None
    killed: float | None = None  # by this rig
    token: int = 0  # of what it holds

    @property
    def key(self):
        return self.graph, self.task

    @property
    def epoch(self):
        return int(self.attempt.split(".")[0])

    @property
    def number(self):
        return int(self.attempt.split(".")[1])


@dataclass
class Trace:
    """Follows the file; may be asked from any thread."""
    path: object
    runs: list = field(default_factory=list)  # in the order of their starts
    by_task: dict = field(default_factory=dict)

    def __post_init__(self):
        self.path.touch()
        self._lock = threading.Lock()
        self._file = open(self.path, "rb")
        self._rest = b""
        self._open = {}  # by graph, task, attempt and pid

    def read(self):
        """Takes what is new."""
        with self._lock:
            lines = (self._rest + self._file.read()).split(b"\n")
            self._rest = lines.pop()
            for line in lines:
                self._take(line.decode().split(" "))

    def _take(self, words):
        what, graph, task, attempt, pid, when, *token = words
        key = graph, task, attempt, pid
        if what == "S":
            run = Run(graph, task, attempt, int(pid), int(when) / 1e9, token=int(*token))
            self.runs.append(run)
            self.by_task.setdefault(run.key, []).append(run)
            self._open[key] = run
        else:
            run = self._open.pop(key)
            run.end, run.ended = ENDS[what], int(when) / 1e9

    def under_way(self):
        """Those that have neither ended nor been killed, as far as can be seen from here."""
        self.read()
        with self._lock:
            return [run for run in self._open.values() if run.killed is None]

    def next_start(self, key, after):
        """Of a task: when its next attempt began."""
        with self._lock:
            return next((run.started for run in self.by_task[key] if run.started > after), None)

    def first_start(self, after, fits=lambda run: True):
        with self._lock:
            for run in reversed(self.runs):
                if run.started < after - 1:
                    break
            first = [run.started for run in self._since(after) if fits(run)]
        return min(first, default=None)

    def _since(self, after):
        # Lines of different processes may stand a little out of order.
        for run in reversed(self.runs):
            if run.started < after - 1:
                return
            if run.started > after:
                yield run

    def size(self):
        with self._lock:
            return len(self.runs)
