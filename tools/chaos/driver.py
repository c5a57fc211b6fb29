"""The driver that has tasks and actors of its own (driver.cpp)."""

import json
import subprocess
import threading


class Driver:
    def __init__(self, cluster, program, trace, seed, findings):
        self.ended = []  # its tasks
        self.actors_ended = []
        self.counts = {"tasks": 0, "calls": 0, "failed_calls": 0, "open_calls": 0}
        self._findings = findings
        self._process = cluster.popen(program, str(cluster.file), str(trace.path), str(seed), stdin=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def end(self, limit_s):
        """Lets it wait for what is under way."""
        self._process.stdin.close()
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self._findings.tell(f"the driver did not end within {limit_s:.0f} s")
            self._process.kill()
        self._reader.join()
        if self._process.returncode != 0:
            self._findings.tell(f"the driver ended with {self._process.returncode}: {self._process.stderr.read()}")
        if self.counts["open_calls"]:
            self._findings.tell(f"{self.counts['open_calls']} calls of the driver were never answered")

    def _read(self):
        for line in self._process.stdout:
            told = json.loads(line)
            if "violation" in told:
                self._findings.tell(told["violation"])
            elif "lost" in told:
                self._findings.tell_lost(f"driver/{told['lost']}", "its driver never heard of its end")
            elif "actor_ended" in told:
                self.actors_ended.append(f"{told['actor_ended']}: {told['cause']}")
            elif "task" in told:
                self.ended.append(told)
            else:
                self.counts = told
