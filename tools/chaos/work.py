"""The graphs that a run submits, each drawn from the seed and its own number, and what must become of their tasks."""

import json
import random
from dataclasses import dataclass, field

ALWAYS = 1_000_000
SPARE_ATTEMPTS = 12  # For commands that the rig kills: to be killed is to fail.


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

    @property
    def may_be_killed(self):
        return self.failing < ALWAYS and self.kills + self.failing + 2 < self.max_attempts


@dataclass
class Graph:
    name: str
    text: str  # of its file
    tasks: dict = field(default_factory=dict)
    accepted: bool = False  # somebody was told so
    accepted_at: float = 0
    id: str = ""


def make_graph(seed, number, program, trace):
    dice = random.Random(f"graph {seed} {number}")
    tasks = {}

    def add(name, after=(), run_ms=None):
        task = Task(name, list(after), dice.choice((2, 5, 20, 60, 250)) if run_ms is None else run_ms,
                    dice.choice((0.5, 1, 1, 2)))
        draw = dice.random()
        if draw < 0.03:
            task.failing, task.max_attempts = ALWAYS, 2
        elif draw < 0.12:
            task.failing = dice.choice((1, 1, 2))
        task.how = dice.choice(("exit", "signal"))
        task.sum = 1 + sum(tasks[before].sum for before in after)
        tasks[name] = task

    shape = dice.choice(("chain", "fan", "each", "diamonds", "loose"))
    count = dice.randint(3, 14)
    if shape == "chain":
        for i in range(count):
            add(f"t{i}", [f"t{i - 1}"] if i else [])
    elif shape == "fan":
        add("first")
        for i in range(count):
            add(f"t{i}", ["first"])
        add("last", [f"t{i}" for i in range(count)])
    elif shape == "diamonds":
        for i in range(0, count, 4):
            add(f"t{i}", [f"t{i - 1}"] if i else [])
            add(f"t{i + 1}", [f"t{i}"])
            add(f"t{i + 2}", [f"t{i}"])
            add(f"t{i + 3}", [f"t{i + 1}", f"t{i + 2}"])
    elif shape == "loose":
        for i in range(count):
            add(f"t{i}")
    graph = Graph(f"g{number}", "", tasks)
    if shape == "each":
        add("t")
        entry = tasks.pop("t")
        tasks.update(each_of(entry, count))
        entries = {"t": entry_of(entry, program, trace) | {"each": {"i": list(range(count))}}}
    else:
        entries = {task.name: entry_of(task, program, trace) for task in tasks.values()}
    graph.text = json.dumps({"name": graph.name, "tasks": entries})
    return graph


def each_of(entry, count):
    """One entry of a file, many tasks: they share their script."""
    return {f"t[{i}]": Task(**{**vars(entry), "name": f"t[{i}]"}) for i in range(count)}


def entry_of(task, program, trace):
    numbers = [f"{{{before}.sum}}" for before in task.after]
    return {"command": [program, trace, str(task.run_ms), str(task.failing), task.how, *numbers],
            "after": task.after, "needs": {"cpus": task.cpus}, "max_attempts": task.max_attempts}
