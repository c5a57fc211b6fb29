"""What must hold between tasks: gangs start as one, locks keep apart, and nothing goes on after its cancel."""

from .outside import OUTSIDE
from .shapes import LOCKS, SEMAPHORES

LATE_START_S = 8.0  # Between the order of an attempt, or its stop, and what it says of itself.
LATE_END_S = 20.0  # A stop that was lost with its scheduler is given again; a machine may be busy.
WAKE_UP_S = 2.0  # A node that was silent first does what it was told before.


def check_gangs(rows, graphs, findings):
    """In the store's words: all members that are not done start at once; when one ends otherwise, all of them do."""
    gangs, rounds = {}, 0
    for row in rows:
        graph = graphs.get(row["graph"])
        task = graph and graph.tasks.get(row["task"])
        if task and task.gang:
            gangs.setdefault((row["graph"], task.gang), []).append(row)
    for (graph, name), members in gangs.items():
        rounds += _check_gang(f"{graph}/{name}", members, findings)
    return rounds


def _check_gang(name, members, findings):
    by_start = {}
    for row in members:
        for each in row["attempts"]:
            by_start.setdefault(each["started"], []).append((row["task"], each))
    for started, attempts in sorted(by_start.items()):
        here = {task for task, _ in attempts}
        for row in members:
            done_before = any(each["end"] == "done" and each["ended"] <= started for each in row["attempts"])
            if (row["task"] in here) == done_before:
                findings.tell(f"{name}: {row['task']} was {'done' if done_before else 'not there'} when "
                              f"{sorted(here)} started at {started}")
        ended = min((each["ended"] for _, each in attempts if each["end"] not in ("done", None)), default=None)
        for task, each in attempts:
            if ended and (each["ended"] is None or each["ended"] > ended):
                findings.tell(f"{name}: {task} went on after {ended}, when another member ended otherwise than well")
    return len(by_start)


class Holds:
    """Who held a lock or a semaphore, by the attempts' own words."""

    def __init__(self, rows, graphs, trace, hurts, node_ids):
        self._hurts = hurts
        self.by_name = {name: [] for name in [*LOCKS, *SEMAPHORES]}
        for row in rows:
            graph = graphs.get(row["graph"])
            task = graph and graph.tasks.get(row["task"])
            if not task or not (task.locks or task.semaphores):
                continue
            nodes = {f"{each['epoch']}.{each['number']}": node_ids.get(each["node_id"]) for each in row["attempts"]}
            for run in trace.by_task.get((row["graph"], row["task"]), ()):
                for name in [*task.locks, *task.semaphores]:
                    self.by_name[name].append((run, nodes.get(run.attempt)))
        for name, holds in self.by_name.items():
            holds += [(run, None) for run in trace.by_task.get((OUTSIDE, name), ())]
            holds.sort(key=lambda hold: hold[0].started)

    def size(self):
        return sum(map(len, self.by_name.values()))

    def check(self, findings):
        for name, holds in self.by_name.items():
            self._check_number(name, holds, SEMAPHORES.get(name, 1), findings)
            if name in LOCKS:
                self._check_tokens(name, holds, findings)

    def _check_number(self, name, holds, permits, findings):
        """No more at once than there are permits. Who was killed held it at least when it began."""
        for i, (run, node) in enumerate(holds):
            # What it was told before it was silent, begun as it woke: its token says that others have had it since.
            is_outdated = any(other.token > run.token for other, _ in holds[:i])
            if is_outdated and self._was_silent(node, run.started - WAKE_UP_S, run.started):
                continue
            beside = [other for other, its_node in holds[:i] if other.ended and other.ended > run.started and
                      not self._was_silent(its_node, other.started, other.ended)]
            if len(beside) >= permits:
                findings.tell(f"{name}: {_who(run)} began beside {[_who(other) for other in beside]}")

    def _check_tokens(self, name, holds, findings):
        highest = None
        for run, node in holds:
            if run.token == 0:
                findings.tell(f"{name}: {_who(run)} has no token")
            elif highest and run.token <= highest.token:
                if not self._was_silent(node, run.started - WAKE_UP_S, run.started):
                    findings.tell(f"{name}: {_who(run)} has the token {run.token}, and {_who(highest)} before it had "
                                  f"{highest.token}")
            else:
                highest = run

    def _was_silent(self, node, began, ended):
        return any(hurt.node == node and hurt.ended > hurt.began and hurt.began < ended and hurt.ended > began
                   for hurt in self._hurts)


def _who(run):
    return f"{run.graph}/{run.task} attempt {run.attempt}"


def check_cancels(rows, graphs, trace, hurts, node_ids, findings):
    """Of what was cancelled no attempt begins, and those that ran are stopped."""
    count = 0
    for row in rows:
        graph = graphs.get(row["graph"])
        if not graph or row["state"] != "cancelled":
            continue
        count += 1
        if graph.cancelled_at is None:
            continue
        nodes = {f"{each['epoch']}.{each['number']}": node_ids.get(each["node_id"]) for each in row["attempts"]}
        for run in trace.by_task.get((row["graph"], row["task"]), ()):
            late = max(run.started - graph.cancelled_at - LATE_START_S,
                       (run.ended or 0) - graph.cancelled_at - LATE_END_S)
            was_hurt = any(hurt.node == nodes.get(run.attempt) and hurt.began < max(run.started, run.ended or 0) and
                           hurt.ended > graph.cancelled_at - WAKE_UP_S for hurt in hurts)
            if late > 0 and not was_hurt:
                findings.tell(f"{_who(run)} ran from {run.started - graph.cancelled_at:.3f} s after it was cancelled, "
                              f"and to {(run.ended or 0) - graph.cancelled_at:.3f} s after that ({run.end})")
    return count
