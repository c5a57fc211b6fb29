"""Records of a run of chaos, made up for its checks."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from chaos import checks, trace, work  # noqa: E402
from chaos.findings import Findings  # noqa: E402

NODE_IDS = {"aa": "head", "bb": "left"}


def attempt(number, end="done", node="aa", epoch=1):
    return {"number": number, "epoch": epoch, "node_id": node, "end": end, "exit_code": 0, "signal": None,
            "cause": None, "started": f"1970-01-01T00:00:{number:02}.000Z",
            "ended": f"1970-01-01T00:00:{number:02}.500Z"}


def row(task="one", state="done", attempts=None, result=None, graph="g1"):
    attempts = [attempt(1)] if attempts is None else attempts
    if state == "done" and result is None:
        result = {"attempt": f"{attempts[-1]['epoch']}.{attempts[-1]['number']}", "sum": 1 if task == "one" else 2}
    return {"task": task, "graph": graph, "state": state, "attempts": attempts, "result": result, "reason": None,
            "task_id": f"id.{graph}.{task}", "graph_id": "id"}


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.trace = trace.Trace(Path(folder.name) / "trace")
        self.addCleanup(self.trace._file.close)
        self.findings = Findings(lambda line: None)


class OfOneGraph(Case):
    def setUp(self):
        super().setUp()
        self.graph = work.Graph("g1", "", {"one": work.Task("one", [], 10, 1, sum=1),
                                           "two": work.Task("two", ["one"], 10, 1, sum=2)}, accepted=True, id="id")
        self.graphs = {"g1": self.graph}

    def ran(self, task, attempt, start, end=None, how="E", pid=7):
        with open(self.trace.path, "a") as file:
            print(f"S g1 {task} {attempt} {pid} {int(start * 1e9)}", file=file)
            if end is not None:
                print(f"{how} g1 {task} {attempt} {pid} {int(end * 1e9)}", file=file)
        self.trace.read()

    def ran_well(self):
        self.ran("one", "1.1", 1, 1.5)
        self.ran("two", "1.1", 2, 2.5)

    def check(self, rows, hurts=()):
        checks.check_tasks(rows, self.graphs, self.trace, self.findings, complete=True)
        grants = checks.check_overlaps(rows, self.trace, hurts, NODE_IDS, self.findings)
        checks.check_capacity(grants, lambda key: self.graph.tasks[key[1]].cpus, self.findings)
        return self.findings.lines

    def assert_finds(self, words, rows, hurts=()):
        lines = self.check(rows, hurts)
        self.assertTrue(any(words in line for line in lines), lines)
