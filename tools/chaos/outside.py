"""Commands that take locks and semaphores from outside of any task: `troupe lock NAME -- CMD`. Some are killed."""

import random
import subprocess
import threading
import time

from . import processes
from .shapes import LOCKS, SEMAPHORES

OUTSIDE = "outside"  # Their graph in the trace; the task is the lock's name.
TAKERS = 2
PATIENCE_S = 30
PAUSE_S = (0.3, 1.2)  # Each of them is a process to start.
KILLED = 0.1  # of them


class Outside:
    def __init__(self, cluster, trace, seed, program, findings):
        self._cluster, self._trace, self._program, self._findings = cluster, trace, program, findings
        self._seed = seed
        self._folder = cluster.folder / OUTSIDE
        self._folder.mkdir()
        self._is_over = threading.Event()
        self._threads = []
        self._ended_well = []  # (name, attempt)
        self.counts = {"asked": 0, "killed": 0}

    def start(self):
        for number in range(TAKERS):
            thread = threading.Thread(target=self._take, args=(number,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def end(self):
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def check(self):
        """Whoever was told that the command has run can see that it has."""
        for name, attempt in self._ended_well:
            runs = self._trace.by_task.get((OUTSIDE, name), ())
            if not any(run.attempt == attempt and run.end == "done" for run in runs):
                self._findings.tell(f"troupe lock {name} ended well, and its command {attempt} has not run to its end")

    def grants(self):
        return sum(len(runs) for (graph, _), runs in self._trace.by_task.items() if graph == OUTSIDE)

    def _take(self, taker):
        dice = random.Random(f"outside {self._seed} {taker}")
        number = taker
        while not self._is_over.wait(dice.uniform(*PAUSE_S)):
            number += TAKERS
            name = dice.choice(LOCKS + list(SEMAPHORES))
            how = ("semaphore", name, "--permits", SEMAPHORES[name]) if name in SEMAPHORES else ("lock", name)
            run_ms = dice.choice((5, 50, 200))
            kill_after_s = dice.uniform(0.05, 0.4) if dice.random() < KILLED else None
            self._run(how, name, number, run_ms, kill_after_s)

    def _run(self, how, name, number, run_ms, kill_after_s):
        attempt = f"0.{number}"
        process = self._cluster.popen(
            self._cluster.troupe, *map(str, how), "--cluster", str(self._cluster.file), "--limit", f"{PATIENCE_S}s",
            "--", "env", f"TROUPE_GRAPH={OUTSIDE}", f"TROUPE_TASK={name}", "TROUPE_ATTEMPT=1",
            f"TROUPE_RESULT={self._folder}/result-{attempt}", self._program, str(self._trace.path), str(run_ms), "0",
            "exit")
        self.counts["asked"] += 1
        if kill_after_s is not None:
            time.sleep(kill_after_s)  # So it waits, holds or runs when it is killed.
            self.counts["killed"] += processes.kill(process.pid)
        try:
            process.communicate(timeout=2 * PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._findings.tell(f"troupe lock {name} did not end within {2 * PATIENCE_S} s")
            process.kill()
            process.communicate()
        if process.returncode == 0:
            self._ended_well.append((name, attempt))
