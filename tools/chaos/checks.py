"""What must hold of a whole run: the store's last word, the attempts' own words and what was done to them agree."""

import re

from .cluster import CPUS
from .losses import MOST_LOST_IN_A_ROW, losses_in_a_row
from .submitter import is_final
from .work import ALWAYS

LATE_ORDER_S = 1.0  # Within which a node that was silent begins what it was given before, or hears that it is not to.

MADE_ROOM = re.compile(r"made room for .+ of priority (-?\d+)$")


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
    # A gang ends as the first of its members that cannot go on.
    members = [found[other.name] for other in graph.tasks.values() if other.gang == task.gang and other.name in found]
    losses = any(len(losses_in_a_row(each["attempts"])) >= MOST_LOST_IN_A_ROW
                 for each in (members if task.gang else [row]))
    may_fail = losses or failed == task.max_attempts
    if task.is_untaken or not all(_is_passed(graph.tasks[other], found) for other in task.after):
        wanted = {"skipped"}
    elif task.failing >= ALWAYS:
        wanted = {"failed"}
    else:
        wanted = {"done"} | ({"failed"} if losses else set())
    if task.is_cancelled and graph.cancel_asked:
        wanted |= {"cancelled"}
    if row["state"] not in wanted:
        findings.tell(f"{name} is {row['state']} ({row['reason']}), expected {' or '.join(sorted(wanted))}; "
                      f"before it: {before}")
    if row["state"] == "failed" and not may_fail:
        findings.tell(f"{name} failed after {failed} failures of {task.max_attempts}")
    if row["state"] == "skipped" and attempts:
        findings.tell(f"{name} is skipped and has {len(attempts)} attempts")
    if row["state"] != "done":
        if row["result"] is not None:
            findings.tell(f"{name} is {row['state']} and has a result")
        return
    winners = [f"{each['epoch']}.{each['number']}" for each in attempts if each["end"] == "done"]
    result = row["result"] or {}
    if task.at_most > 1:
        _check_loop(name, task, row, findings)
    elif len(winners) != 1:
        findings.tell_doubled(name, f"is done by {len(winners)} attempts: {winners}")
    if winners and result.get("attempt") != winners[-1]:
        findings.tell_doubled(name, f"is done by attempt {winners[-1]}, its result is {result}")
    if result.get("sum") != task.sum:
        findings.tell(f"{name} has the result {result}, expected the sum {task.sum}")


def _is_passed(task, found):
    """What comes after it may run: it is done, or a branch that is not taken."""
    state = found[task.name]["state"] if task.name in found else None
    return state == "done" or (state == "skipped" and task.is_untaken and
                               all(_is_passed_or_untaken(other, found) for other in task.after))


def _is_passed_or_untaken(name, found):
    # Of an untaken branch all before it are done, or such themselves; a failure skips it, and what is behind it.
    return found.get(name, {}).get("state") in ("done", "skipped")


def _check_loop(name, task, row, findings):
    """It ran again while its condition held: as often as its attempts' own numbers say."""
    done = [each["number"] for each in row["attempts"] if each["end"] == "done"]
    wanted = next((i + 1 for i, number in enumerate(done) if number >= task.repeats_below), task.at_most)
    wanted = min(wanted, task.at_most)
    if len(done) != wanted or row["iteration"] + 1 != wanted:
        findings.tell(f"{name} was done {len(done)} times ({done}), is in iteration {row['iteration'] + 1}, expected "
                      f"{wanted}")


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
        if run is not None and run.end == "stopped" and record["end"] not in ("cancelled", "preempted", "lost"):
            findings.tell(f"{name}: attempt {attempt} was told to end, and has ended as {record['end']}")
        if not _may_end_so(graph, task, row, record, run):
            findings.tell(f"{name}: attempt {attempt} has ended as {record['end']} ({record['cause']})")


def _may_end_so(graph, task, row, record, run):
    if record["end"] == "cancelled":
        return bool(task.gang) or (graph.cancel_asked and task.is_cancelled and row["state"] == "cancelled")
    if record["end"] != "preempted":
        return record["end"] in ("done", "failed", "lost")
    if run is None:  # Given ahead, and taken back.
        return True
    room = MADE_ROOM.match(record["cause"] or "")
    return task.is_preemptible and room is not None and int(room[1]) > task.priority


def check_overlaps(rows, trace, hurts, node_ids, findings):
    """One attempt at a time, but where the earlier one's node was silent; and no more at once than a node has."""
    silent = [hurt for hurt in hurts if hurt.ended > hurt.began]
    needs, grants = {}, {node: [] for node in CPUS}
    for row in rows:
        attempts = {f"{each['epoch']}.{each['number']}": each for each in row["attempts"]}
        needs[row["graph"], row["task"]] = attempts
    for key, attempts in needs.items():
        nodes = {attempt: node_ids.get(each["node_id"]) for attempt, each in attempts.items()}
        # What was stopped ends as soon as its node hears of it; where that was paused it may first begin.
        stopped = {attempt for attempt, each in attempts.items() if each["end"] in ("cancelled", "preempted")}
        runs = sorted(trace.by_task.get(key, ()), key=lambda run: run.started)
        for older, newer in zip(runs, runs[1:]):
            node = nodes.get(older.attempt)
            # Which may have had its order before it fell silent, and begin it when it is back: later than the next one.
            late = min((older, newer), key=lambda run: [int(part) for part in run.attempt.split(".")])
            late_by = 0 if late is older else LATE_ORDER_S
            was_silent = any(hurt.node == nodes.get(late.attempt) and hurt.began < newer.started
                             and late.started < hurt.ended + late_by for hurt in silent)
            was_stopped = older.attempt in stopped or newer.attempt in stopped
            if older.ended and older.ended > newer.started and not was_silent and not was_stopped:
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
            findings.tell(f"{task['task']} of the driver was answered by {task['pid']}, which did not run it to its "
                          "end")
