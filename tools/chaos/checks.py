"""What must hold of a whole run: the store's last word, the attempts' own words and what was done to them agree."""

from datetime import datetime

from .cluster import CPUS
from .submitter import is_final
from .work import ALWAYS

MOST_LOST_IN_A_ROW = 3  # design.md, section 6
SLACK_S = 10  # Between a node's death and the last attempt that is lost with it: the next one's order may be, too.


def check_tasks(rows, graphs, trace, findings, complete):
    """Every accepted task has ended, once, as its script says; `complete`: the run was given the time for it."""
    by_graph = {}
    for row in rows:
        by_graph.setdefault(row["graph"], {})[row["task"]] = row
    for graph in graphs.values():
        found = by_graph.get(graph.name)
        if found is None:
            continue  # Never accepted; what was accepted and is not there has been told by the reading.
        if graph.accepted and any(row["graph_id"] != graph.id for row in found.values()):
            findings.tell(f"{graph.name} was accepted as {graph.id} and has another id")
        for task in graph.tasks.values():
            row = found.get(task.name)
            if row is None:
                findings.tell(f"{graph.name}/{task.name} is missing, and others of its graph are there")
            elif not is_final(row):
                if complete:
                    findings.tell_lost(f"{graph.name}/{task.name}", f"it is {row['state']} at the end")
            else:
                _check_end(graph, task, row, found, findings)
                _check_attempts(graph, task, row, trace, findings)


def _check_end(graph, task, row, found, findings):
    name = f"{graph.name}/{task.name}"
    before = [found[other]["state"] for other in task.after if other in found]
    attempts = row["attempts"]
    failed = sum(each["end"] == "failed" for each in attempts)
    losses = [each["end"] for each in attempts[-MOST_LOST_IN_A_ROW:]] == ["lost"] * MOST_LOST_IN_A_ROW
    may_fail = losses or failed == task.max_attempts
    if any(state != "done" for state in before):
        wanted = {"skipped"}
    elif task.failing >= ALWAYS:
        wanted = {"failed"}
    else:
        wanted = {"done"} | ({"failed"} if losses else set())
    if row["state"] not in wanted:
        findings.tell(f"{name} is {row['state']} ({row['reason']}), expected {' or '.join(sorted(wanted))}; "
                      f"before it: {before}")
    if row["state"] == "failed" and not may_fail:
        findings.tell(f"{name} failed after {failed} failures of {task.max_attempts}")
    if row["state"] != "done":
        if row["result"] is not None:
            findings.tell(f"{name} is {row['state']} and has a result")
        return
    winners = [f"{each['epoch']}.{each['number']}" for each in attempts if each["end"] == "done"]
    result = row["result"] or {}
    if len(winners) != 1:
        findings.tell_doubled(name, f"is done by {len(winners)} attempts: {winners}")
    elif result.get("attempt") != winners[0]:
        findings.tell_doubled(name, f"is done by attempt {winners[0]}, its result is {result}")
    if result.get("sum") != task.sum:
        findings.tell(f"{name} has the result {result}, expected the sum {task.sum}")


def _check_attempts(graph, task, row, trace, findings):
    name = f"{graph.name}/{task.name}"
    known = {f"{each['epoch']}.{each['number']}": each for each in row["attempts"]}
    numbers = [each["number"] for each in row["attempts"]]
    if numbers != sorted(set(numbers)):
        findings.tell(f"{name} has attempts {numbers}")
    runs = {}
    for run in trace.by_task.get((graph.name, task.name), ()):
        if run.attempt in runs:
            findings.tell(f"{name}: attempt {run.attempt} ran twice, as {runs[run.attempt].pid} and {run.pid}")
        runs[run.attempt] = run
        if run.attempt not in known:
            findings.tell(f"{name}: attempt {run.attempt} ran, and the store has not heard of it")
    for attempt, record in known.items():
        run = runs.get(attempt)
        if record["end"] == "done" and (run is None or run.end != "done"):
            findings.tell(f"{name}: attempt {attempt} was published and never ran to its end")
        if record["end"] == "failed" and (run is None or (run.end != "failed" and run.killed is None)):
            findings.tell(f"{name}: attempt {attempt} failed ({record['cause']}), and nobody told it to")
        if record["end"] not in ("done", "failed", "lost"):
            findings.tell(f"{name}: attempt {attempt} has ended as {record['end']}")


def check_overlaps(rows, trace, hurts, node_ids, findings):
    """One attempt at a time, but where the older one's node was silent; and no more at once than a node has."""
    silent = [hurt for hurt in hurts if hurt.ended > hurt.began]
    needs, grants = {}, {node: [] for node in CPUS}
    for row in rows:
        nodes = {f"{each['epoch']}.{each['number']}": node_ids.get(each["node_id"]) for each in row["attempts"]}
        needs[row["graph"], row["task"]] = nodes
    for key, nodes in needs.items():
        runs = sorted(trace.by_task.get(key, ()), key=lambda run: run.started)
        for older, newer in zip(runs, runs[1:]):
            node = nodes.get(older.attempt)
            was_silent = any(hurt.node == node and hurt.began < newer.started and older.started < hurt.ended
                             for hurt in silent)
            if older.ended and older.ended > newer.started and not was_silent:
                findings.tell(f"{'/'.join(key)}: attempt {older.attempt} on {node} ran beside {newer.attempt} for "
                              f"{older.ended - newer.started:.3f} s")
        for run in runs:
            if run.ended and nodes.get(run.attempt) in grants:
                grants[nodes[run.attempt]].append((key, run))
    return grants


def check_capacity(grants, cpus_of, findings):
    for node, runs in grants.items():
        # Ends first: what ends as another begins has freed its cpus.
        changes = sorted([(run.started, 1, cpus_of(key), key) for key, run in runs] +
                         [(run.ended, 0, -cpus_of(key), key) for key, run in runs])
        used = 0
        for when, _, cpus, key in changes:
            used += cpus
            if used > CPUS[node] + 1e-9:
                findings.tell(f"{node} has {CPUS[node]} cpus, and {used} were in use when {'/'.join(key)} began at "
                              f"{when:.3f}")
                break


def losses_without_a_cause(rows, trace, hurts, node_ids, wall_offset):
    """Attempts that ran and were lost on a node to which nothing was done: a machine that is too busy can do that, too.

    One that never ran was an order that died with its scheduler."""
    found = []
    for row in rows:
        ran = {run.attempt for run in trace.by_task.get((row["graph"], row["task"]), ())}
        for each in row["attempts"]:
            if each["end"] != "lost" or f"{each['epoch']}.{each['number']}" not in ran:
                continue
            began, ended = (_seconds(each[key]) - wall_offset for key in ("started", "ended"))
            node = node_ids.get(each["node_id"])
            if not any(hurt.node == node and hurt.began < ended + 1 and hurt.ended > began - SLACK_S for hurt in hurts):
                found.append(f"{row['graph']}/{row['task']} attempt {each['epoch']}.{each['number']} on {node}: "
                             f"{each['cause']}")
    return found


def _seconds(rfc3339):
    return datetime.fromisoformat(rfc3339.replace("Z", "+00:00")).timestamp()


def check_driver(ended, trace, findings):
    """Each task of the driver ended as it was told; what came back is of a run that went to its end."""
    for task in ended:
        runs = trace.by_task.get(("driver", task["task"]), [])
        cause = task["cause"]
        if "attempts in a row" in cause:
            continue
        if task["fails"] != bool(cause) or (cause and "as it was told" not in cause):
            findings.tell(f"{task['task']} of the driver ended with '{cause}'")
        elif not cause and not any(run.pid == task["pid"] and run.end == "done" for run in runs):
            findings.tell(f"{task['task']} of the driver was answered by {task['pid']}, which did not run it to its end")
