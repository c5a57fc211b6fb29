"""The graphs that a run submits, each drawn from the seed and its own number, and what must become of their tasks."""

import json
from dataclasses import dataclass, field

ALWAYS = 1_000_000
SPARE_ATTEMPTS = 12  # For commands that the rig kills: to be killed is to fail.
MOST_CPUS = 1  # Of what recovery is measured by: what needs more stands in line for them.


@dataclass
class Task:
    name: str
    after: list
    run_ms: int
    cpus: float
    failing: int = 0  # its first attempts, by themselves
    how: str = "exit"
    max_attempts: int = SPARE_ATTEMPTS
    sum: int = 0  # of its result, when it is done
    kills: int = 0  # of the rig
    takes: list | None = None  # whose results it is handed; None: of all that are before it
    gang: str = ""  # its entry in the file: all of it start together
    locks: list = field(default_factory=list)
    semaphores: dict = field(default_factory=dict)
    priority: int = 0
    is_preemptible: bool = False
    is_cancelled: bool = False  # while it runs, or before
    when: str = ""
    is_untaken: bool = False  # a branch that is not taken, or what hangs on such alone
    repeats_below: int = 0  # an attempt with a lower number is not its last one that is done …
    at_most: int = 1  # … unless it is the last one that there may be

    @property
    def may_be_killed(self):
        return self.failing < ALWAYS and self.kills + self.failing + 2 < self.max_attempts

    @property
    def is_plain(self):
        """It starts as soon as a node has room for it, and again when it is lost: recovery is measured by such."""
        return not (self.cpus > MOST_CPUS or self.gang or self.locks or self.semaphores or self.is_preemptible or
                    self.is_cancelled)


@dataclass
class Graph:
    name: str
    text: str  # of its file
    tasks: dict = field(default_factory=dict)
    accepted: bool = False  # somebody was told so
    accepted_at: float = 0
    id: str = ""
    cancel_after_s: float | None = None  # since it was accepted
    cancel_of: str = ""  # one task; none: all
    cancel_asked: bool = False
    cancelled_at: float | None = None  # when somebody was told so


class Draft:
    """A graph in the making."""

    def __init__(self, number, dice, program, trace):
        self.graph, self.dice = Graph(f"g{number}", ""), dice
        self._program, self._trace, self._entries = program, trace, {}

    def add(self, name, after=(), run_ms=None, cpus=None, fails=True, **more):
        dice = self.dice
        task = Task(name, list(after), dice.choice((2, 5, 20, 60, 250)) if run_ms is None else run_ms,
                    dice.choice((0.5, 1, 1, 2)) if cpus is None else cpus, **more)
        draw = dice.random()
        if fails and draw < 0.03:
            task.failing, task.max_attempts = ALWAYS, 2
        elif fails and draw < 0.12:
            task.failing = dice.choice((1, 1, 2))
        task.how = dice.choice(("exit", "signal"))
        taken = task.after if task.takes is None else task.takes
        task.sum = 1 + sum(self.graph.tasks[before].sum for before in taken)
        self.graph.tasks[name] = task
        self._entries[name] = entry_of(task, self._program, self._trace)
        return task

    def add_each(self, name, count, **more):
        entry = self.add(name, **more)
        del self.graph.tasks[name]
        self.graph.tasks.update(each_of(entry, count))
        self._entries[name]["each"] = {"i": list(range(count))}

    def add_gang(self, name, size, policy, **more):
        entry = self.add(name, gang=name, **more)
        del self.graph.tasks[name]
        self.graph.tasks.update(each_of(entry, size))
        self._entries[name]["gang"] = {"size": size, "policy": policy}

    def finish(self):
        self.graph.text = json.dumps({"name": self.graph.name, "tasks": self._entries})
        return self.graph


def each_of(entry, count):
    """One entry of a file, many tasks: they share their script."""
    return {f"{entry.name}[{i}]": Task(**{**vars(entry), "name": f"{entry.name}[{i}]"}) for i in range(count)}


def entry_of(task, program, trace):
    numbers = [f"{{{before}.sum}}" for before in (task.after if task.takes is None else task.takes)]
    entry = {"command": [program, trace, str(task.run_ms), str(task.failing), task.how, *numbers],
             "after": task.after, "needs": {"cpus": task.cpus}, "max_attempts": task.max_attempts}
    for key, value in (("locks", task.locks), ("semaphores", task.semaphores), ("when", task.when),
                       ("priority", task.priority), ("preemptible", task.is_preemptible)):
        if value:
            entry[key] = value
    if task.at_most > 1:
        entry["repeat"] = {"while": f"{task.name}.number < {task.repeats_below}", "at_most": task.at_most}
    return entry
