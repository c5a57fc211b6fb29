"""Processes as /proc shows them."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    name: str
    state: str
    started: float  # since the machine was, to a hundredth


def read(pid):
    try:
        head, tail = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)
    except OSError:
        return None
    words = tail.split()
    if words[0] in "ZX":
        return None
    return Process(int(pid), int(words[1]), head.split("(", 1)[1], words[0], int(words[19]) / TICKS)


def read_since(pid, when):
    """The one that has had the number since `when`, of the monotonic clock: numbers come again within minutes."""
    process = read(pid)
    slept = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    return process if process and process.started <= when + slept else None


def all_processes():
    found = (read(entry) for entry in os.listdir("/proc") if entry.isdigit())
    return [process for process in found if process]


def descendants(pid):
    """Parents before children."""
    children = {}
    for process in all_processes():
        children.setdefault(process.parent, []).append(process)
    found, open_pids = [], [pid]
    while open_pids:
        more = children.get(open_pids.pop(), [])
        found += more
        open_pids += [process.pid for process in more]
    return found


def marked(mark):
    """Pids of those whose environment holds `mark`."""
    found = []
    for process in all_processes():
        try:
            if mark.encode() in Path(f"/proc/{process.pid}/environ").read_bytes():
                found.append(process.pid)
        except OSError:
            pass
    return found


def send(pids, number):
    """True if one was there."""
    sent = False
    for pid in pids:
        try:
            os.kill(pid, number)
            sent = True
        except ProcessLookupError:
            pass
    return sent


def hold(pid, limit_s=1):
    """Stops it; False if it has ended, or does not stop."""
    end = time.monotonic() + limit_s
    send([pid], signal.SIGSTOP)
    while read(pid) and time.monotonic() < end:
        threads = [read(entry.name) for entry in Path(f"/proc/{pid}/task").glob("*")]
        if threads and all(thread and thread.state == "T" for thread in threads):
            return True
        time.sleep(0.0002)
    send([pid], signal.SIGCONT)
    return False


def kill(*pids):
    return send(pids, signal.SIGKILL)
