"""A durable queue with a producer and consumers (messages.cpp), which are killed now and then, and its dead letters."""

import random
import subprocess
import threading
import time
from dataclasses import dataclass

from . import processes
from .cluster import Failed

QUEUE = "jobs"
CONSUMERS = 2
KILL_EVERY_S = (4, 9)
MOST_DELIVERIES = 3  # messages.cpp
SLACK_S = 1  # Between what a process hears and what it says.
GRACE_S = 10  # For a process to end that was asked to: it may wait for an answer.


@dataclass(frozen=True)
class Said:
    """A line of one of them."""
    part: str  # send, receive, drain
    what: str  # sending, sent, got, acking, acked
    number: int
    when: float
    token: int = 0
    deliveries: int = 0


def said(part, line):
    what, number, when, *more = line.split()
    return Said(part, what, int(number), int(when) / 1e9, *map(int, more))


class Messages:
    def __init__(self, cluster, program, seed, findings):
        self._cluster, self._program, self._findings = cluster, program, findings
        self._dice = random.Random(f"messages {seed}")
        self._lock = threading.Lock()
        self._parts = {}  # name -> (process, reader)
        self._is_over = threading.Event()
        self._killer = threading.Thread(target=self._kill, daemon=True)
        self._file = open(cluster.folder / "messages", "w")  # For who looks into the folder.
        self.lines = []
        self.killed = 0

    def start(self):
        for name in ["send", *(f"receive-{i}" for i in range(CONSUMERS))]:
            self._start(name)
        self._killer.start()

    def end(self, limit_s):
        """Lets the consumers take what is left; what nobody would have is taken from the dead letters."""
        end = time.monotonic() + limit_s
        self._is_over.set()
        self._killer.join()
        self._stop("send")
        self._start("drain")
        while time.monotonic() < end and (self._open() or self._queued()):
            time.sleep(0.2)  # Between questions to the scheduler.
        for name in list(self._parts):
            self._stop(name)
        self._file.close()

    def check(self):
        check_messages(self.lines, self._findings)
        for queue in self._queued():
            self._findings.tell(f"a queue still holds messages at the end: {queue}")

    def counts(self):
        return {"messages": count(self.lines, "sent"), "deliveries": count(self.lines, "got"),
                "acknowledged": count(self.lines, "acked"),
                "dead_letters": len({each.number for each in self.lines if each.part == "drain"}),
                "message_processes_killed": self.killed}

    def _start(self, name):
        part = name.split("-")[0]
        queue = f"{QUEUE}.dead" if part == "drain" else QUEUE
        with self._lock:
            first = 1 + max((each.number for each in self.lines if each.what == "sending"), default=0)
        number = first if part == "send" else self._dice.randrange(1 << 31)
        process = self._cluster.popen(self._program, str(self._cluster.file), queue, part, str(number),
                                      stdin=subprocess.PIPE)
        reader = threading.Thread(target=self._read, args=(part, process), daemon=True)
        reader.start()
        self._parts[name] = process, reader

    def _read(self, part, process):
        for line in process.stdout:
            if line.endswith("\n"):  # It may have been killed at it.
                with self._lock:
                    self.lines.append(said(part, line))
                    print(part, line, end="", file=self._file, flush=True)

    def _stop(self, name):
        process, reader = self._parts.pop(name)
        process.stdin.close()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._findings.tell(f"{name} of the queue did not end within {GRACE_S} s")
            process.kill()
            process.wait()
        reader.join()
        if process.returncode != 0:
            self._findings.tell(f"{name} of the queue ended with {process.returncode}: {process.stderr.read()}")

    def _kill(self):
        while not self._is_over.wait(self._dice.uniform(*KILL_EVERY_S)):
            name = self._dice.choice(sorted(self._parts))
            process, reader = self._parts.pop(name)
            processes.kill(process.pid)
            process.wait()
            reader.join()
            process.stdin.close()
            self.killed += 1
            self._start(name)

    def _open(self):
        """What was sent, and nobody has begun to acknowledge."""
        with self._lock:
            return ({each.number for each in self.lines if each.what == "sent"} -
                    {each.number for each in self.lines if each.what == "acking"})

    def _queued(self):
        """What the scheduler says of queues that are not empty."""
        try:
            queues = self._cluster.of_cluster("list", "queues")
        except Failed as error:
            return [str(error)]
        return [queue for queue in queues if queue["ready"] or queue["delivered"] or queue["dead"]]


def count(lines, what):
    return sum(each.what == what for each in lines)


def _is_later(delivery, end):
    """Tokens grow in each of the lines; in another one they are drawn when somebody begins to wait there."""
    if (delivery.part == "drain") == (end.part == "drain"):
        return delivery.token > end.token
    return delivery.when > end.when + SLACK_S


def check_messages(lines, findings):
    """What was accepted came at least once; what was acknowledged never again; no delivery has another's token."""
    sending = {each.number for each in lines if each.what == "sending"}
    sent = {each.number: each.when for each in lines if each.what == "sent"}
    acking = {each.number for each in lines if each.what == "acking"}  # Who was killed then was heard or not.
    acked, got = {}, {}
    for each in lines:
        if each.what == "acked":
            acked.setdefault(each.number, each)
    for each in lines:
        if each.what != "got":
            continue
        name = f"message {each.number}"
        if each.number not in sending:
            findings.tell(f"{name} came, and nobody sent it")
        if each.token in got:
            findings.tell(f"{name} came with the token {each.token}, as message {got[each.token].number} did")
        got[each.token] = each
        if each.part == "drain" and each.deliveries <= MOST_DELIVERIES:
            findings.tell(f"{name} is a dead letter after {each.deliveries - 1} deliveries of {MOST_DELIVERIES}")
        if each.part != "drain" and each.deliveries > MOST_DELIVERIES:
            findings.tell(f"{name} was delivered {each.deliveries} times, and is no dead letter")
        end = acked.get(each.number)
        # One whose send was answered later was sent anew, and may have been accepted twice.
        if end and sent.get(each.number, end.when) < end.when and _is_later(each, end):
            findings.tell(f"{name} came again with the token {each.token}, and had been acknowledged with {end.token}")
    came = {each.number for each in got.values()}
    for number in sorted(sent):
        if number not in acking:
            how = "and its consumers never acknowledged it" if number in came else "and never came"
            findings.tell_lost(f"message {number}", f"it was accepted, {how}")
