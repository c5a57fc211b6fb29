"""A cluster of real processes on this machine, in a folder of its own: a head (store, scheduler, agent), two more
agents, a scheduler that stands by; each under its supervisor, and started as an operator would."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from . import processes

HEAD, STANDBY = "head", "standby-1"
AWAY = "away"  # A node that is not there while faults come (backlog.py), and the resource that it alone has.
CPUS = {HEAD: 4, "left": 3, "right": 2}  # of each node, by its member's name
NODES = list(CPUS)
MEMBERS = [*NODES, STANDBY]  # In the order of their start.
COMMAND_LIMIT_S = 60
EVERYTHING = 100_000_000  # As a limit of what is listed.


class Failed(Exception):
    """A command of troupe's did not do what it was asked."""


class Cluster:
    def __init__(self, troupe, room_for=0, mark="TROUPE_CHAOS_MARK"):
        """`room_for`: so many tasks more than a cluster takes unasked."""
        # Short: socket addresses have at most 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="tc-", dir="/tmp"))
        self.mark = f"{mark}={self.folder.name}"
        (self.folder / "tmp").mkdir()
        self.home = self.folder / "state/troupe/clusters/default"
        self.file = self.home / "cluster.json"
        self.troupe = troupe
        self._most_tasks = 1_000_000 + room_for
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("TROUPE_", "XDG_"))}
        self.environment = kept | {"XDG_STATE_HOME": str(self.folder / "state"), "TMPDIR": str(self.folder / "tmp"),
                                   mark: self.folder.name, "OMP_NUM_THREADS": "1"}

    # ---- commands ----

    def popen(self, *argv, **more):
        return subprocess.Popen(argv, env=self.environment, text=True, stdin=more.pop("stdin", subprocess.DEVNULL),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **more)

    def ask(self, *arguments, limit_s=COMMAND_LIMIT_S):
        """Lines of JSON. Raises Failed."""
        process = self.popen(self.troupe, *map(str, arguments), "--format", "json")
        try:
            out, err = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Failed(f"{arguments} took more than {limit_s} s") from None
        except BaseException:
            process.kill()
            raise
        if process.returncode != 0:
            raise Failed(f"{arguments}: exit code {process.returncode}: {err.strip()}")
        return [json.loads(line) for line in out.splitlines()]

    def of_cluster(self, *arguments, **more):
        return self.ask(*arguments, "--cluster", self.file, **more)

    def start(self, members=MEMBERS):
        for name in members:
            which = {HEAD: (), STANDBY: ("--standby", self.file)}.get(name, ("--join", self.file, "--name", name))
            has = ("--cpus", CPUS[name]) if name in CPUS else ()
            if name == AWAY:
                has = ("--cpus", 2, "--resource", f"{AWAY}=4")
            self.ask("start", *which, *has, "--most-restarts", 1_000_000, "--most-tasks", self._most_tasks)

    def stop(self):
        self.ask("stop", "--cluster", self.file)

    def node_ids(self):
        """Of each member's node."""
        return {(self.home / "members" / name / "node").read_text().split()[0]: name for name in NODES}

    def store(self, *command):
        """What the store answers; None while it does not."""
        try:
            (socket,) = (self.folder / "tmp").glob("troupe-*/redis.sock")
            answer = subprocess.run(["redis-cli", "-s", socket, *command], text=True, capture_output=True, timeout=5)
        except (ValueError, subprocess.TimeoutExpired):
            return None
        return answer.stdout.strip() if answer.returncode == 0 else None

    def commits(self):
        """How many batches the store has taken; None while it does not answer."""
        answer = self.store("GET", "troupe:commit_seq")
        return int(answer) if answer and answer.isdigit() else None

    def lease(self):
        """(epoch, member) of the active scheduler; None while there is none."""
        words = (self.store("GET", "troupe:lease") or "").split()
        return (int(words[0]), words[1]) if len(words) >= 2 and words[0].isdigit() else None

    # ---- processes ----

    def supervisor(self, member):
        try:
            pid = int((self.home / "members" / member / "lock").read_text())
        except (OSError, ValueError):
            return None
        return pid if processes.read(pid) else None

    def child(self, member, name):
        """The scheduler, agent or redis-server of a member; None while it is not there."""
        supervisor = self.supervisor(member)
        for process in processes.all_processes() if supervisor else []:
            if process.parent == supervisor and process.name.startswith(name):
                return process
        return None

    def tree(self, member):
        """All processes of a member, its supervisor first."""
        supervisor = self.supervisor(member)
        return [supervisor, *(each.pid for each in processes.descendants(supervisor))] if supervisor else []

    def log(self, member):
        try:
            return (self.home / "members" / member / "log").read_text(errors="replace")
        except OSError:
            return ""

    # ---- the end ----

    def left_over(self):
        """What of it is still there, as lines."""
        found = [f"process {pid}: {processes.read(pid)}" for pid in processes.marked(self.mark)]
        found += [f"file {path}" for path in (self.folder / "tmp").iterdir()]
        cluster = json.loads(self.file.read_text())["cluster_id"][:16] if self.file.exists() else "none"
        return found + [f"shared memory {name}" for name in os.listdir("/dev/shm") if cluster in name]

    def clear(self, keep):
        """Nothing runs any more; the folder goes, unless it is kept to be looked at."""
        end = time.monotonic() + 5
        while processes.kill(*processes.marked(self.mark)) and time.monotonic() < end:
            time.sleep(0.02)
        cluster = json.loads(self.file.read_text())["cluster_id"][:16] if self.file.exists() else "none"
        for name in os.listdir("/dev/shm"):
            if cluster in name:
                os.unlink(f"/dev/shm/{name}")
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
