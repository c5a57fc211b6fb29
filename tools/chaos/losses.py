"""Attempts that were lost: when a task is given up for them (design.md, section 6), and what they were lost by."""

from datetime import datetime

from .cluster import NODES

MOST_LOST_IN_A_ROW = 3
MOST_ON_ONE_NODE = 6  # scheduler/README.md, known limits: where another has no room for it
SLACK_S = 10  # Between a node's death and the last attempt that is lost with it: the next one's order may be, too.


def losses_in_a_row(attempts):
    """The last of them, latest first; what was stopped for others' sake is not counted."""
    counted = [each for each in attempts if each["end"] not in ("cancelled", "preempted")]
    found = []
    for each in reversed(counted):
        if each["end"] != "lost":
            break
        found.append(each)
    return found


def check_losses(rows, hurts, node_ids, wall_offset, findings):
    """A task is given up after three in a row, on two nodes where there are two, and not tried again after that."""
    for row in rows:
        name, attempts = f"{row['graph']}/{row['task']}", row["attempts"]
        for i in range(1, len(attempts)):
            losses = losses_in_a_row(attempts[:i])
            if attempts[i - 1]["end"] == "lost" and (_are_enough(losses) or len(losses) >= MOST_ON_ONE_NODE):
                findings.tell(f"{name} was lost {len(losses)} times in a row, and runs again")
        if row["state"] != "failed" or not attempts or attempts[-1]["end"] != "lost":
            continue
        losses = losses_in_a_row(attempts)
        if len(losses) < MOST_LOST_IN_A_ROW:
            findings.tell(f"{name} was given up after {len(losses)} losses")
        elif not _are_enough(losses) and len(losses) < MOST_ON_ONE_NODE:
            here, when = node_ids.get(losses[0]["node_id"]), _seconds(losses[0]["ended"]) - wall_offset
            there = [node for node in NODES if node != here and not _was_hurt(hurts, node, when, when)]
            if there:
                findings.tell(f"{name} was given up after {len(losses)} losses on {here}, and {there} were there")


def _are_enough(losses):
    return len(losses) >= MOST_LOST_IN_A_ROW and len({each["node_id"] for each in losses}) > 1


def given_up_before_three_died(rows, trace):
    """Tasks that were given up, and of whose losses fewer than three had begun: the others' orders did not arrive."""
    found = []
    for row in rows:
        if row["state"] != "failed" or not row["attempts"] or row["attempts"][-1]["end"] != "lost":
            continue
        ran = {run.attempt for run in trace.by_task.get((row["graph"], row["task"]), ())}
        lost = [f"{each['epoch']}.{each['number']}" for each in losses_in_a_row(row["attempts"])]
        if sum(attempt in ran for attempt in lost) < MOST_LOST_IN_A_ROW:
            found.append(f"{row['graph']}/{row['task']}: lost {lost}, of these began {sorted(ran & set(lost))}")
    return found


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
            if not _was_hurt(hurts, node, began, ended):
                found.append(f"{row['graph']}/{row['task']} attempt {each['epoch']}.{each['number']} on {node}: "
                             f"{each['cause']}")
    return found


def _was_hurt(hurts, node, began, ended):
    return any(hurt.node == node and hurt.began < ended + 1 and hurt.ended > began - SLACK_S for hurt in hurts)


def _seconds(rfc3339):
    return datetime.fromisoformat(rfc3339.replace("Z", "+00:00")).timestamp()
