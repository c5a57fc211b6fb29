#!/usr/bin/env python3
"""The command line from outside: real processes, a state folder of its own for each test.

    run_test.py TROUPE [unittest options]
"""

import calendar
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest
from pathlib import Path

signal.signal(signal.SIGINT, signal.default_int_handler)  # Ignored in a job of a shell's background: inherited.
TROUPE = os.path.abspath(sys.argv.pop(1))
LIMIT_S = 10 * int(os.environ.get("TROUPE_TEST_PATIENCE", 3))  # Of every wait.

DIAMOND = r"""name: diamond
tasks:
  start: {command: [sh, -c, 'echo ''{"n": 3, "list": [1, 2]}'' > $TROUPE_RESULT']}
  left: {after: [start], command: [sh, -c, 'echo $(( {start.n} + 1 )) > $TROUPE_RESULT']}
  right: {after: [start], command: [sh, -c, 'echo $(( {start.list[1]} * 10 )) > $TROUPE_RESULT']}
  join: {after: [left, right], command: [sh, -c, 'echo "{\"sum\": $(({left} + {right} + N))}" > $TROUPE_RESULT'],
         env: {N: "{start.n}"}}
"""


def wait_until(what, holds):
    end = time.monotonic() + LIMIT_S
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"not within {LIMIT_S} s: {what}")
        time.sleep(0.01)


def processes_with(text):
    """Pids of the processes whose environment holds `text`, but this one."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except (OSError, IndexError):
            continue
        if text.encode() in environment and state != "Z":
            found.append(int(entry.name))
    return found


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        # Short: socket addresses have at most 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="tr-", dir="/tmp"))
        self.mark = f"TROUPE_TEST_MARK={self.folder.name}"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("TROUPE_", "XDG_"))}
        self.environment |= {"XDG_STATE_HOME": str(self.folder / "state"), "TMPDIR": str(self.folder / "tmp"),
                             "TROUPE_TEST_MARK": self.folder.name, "LC_ALL": "C.UTF-8"}
        (self.folder / "tmp").mkdir()
        (self.folder / "here").mkdir()
        self.shared_before = self.shared_memory()

    def tearDown(self):
        for pid in processes_with(self.mark):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def shared_memory():
        return {name for name in os.listdir("/dev/shm") if name.startswith("troupe")}

    def file(self, name, text):
        path = self.folder / "here" / name
        path.write_text(text)
        return str(path)

    def start(self, *arguments, **more):
        more.setdefault("env", self.environment)
        return subprocess.Popen([TROUPE, *arguments], cwd=self.folder / "here", text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    def troupe(self, *arguments, code=0, **more):
        process = self.start(*arguments, **more)
        out, err = process.communicate(timeout=LIMIT_S * 2)
        if code is not None:
            self.assertEqual(process.returncode, code, f"{arguments}\n{out}\n{err}")
        return out, err

    def json_lines(self, *arguments, **more):
        out, _ = self.troupe(*arguments, "--format", "json", **more)
        return [json.loads(line) for line in out.splitlines()]

    def assert_nothing_left(self):
        wait_until("every process is gone", lambda: not processes_with(self.mark))
        self.assertEqual(os.listdir(self.folder / "tmp"), [])
        self.assertEqual(self.shared_memory() - self.shared_before, set())


class Run(Case):
    def test_results_travel_through_a_diamond(self):
        tasks = {task["task"]: task for task in self.json_lines("run", self.file("g.yaml", DIAMOND))}
        self.assertEqual(list(tasks)[0], "start")
        self.assertEqual(list(tasks)[-1], "join")
        self.assertEqual({name: task["result"] for name, task in tasks.items()},
                         {"start": {"n": 3, "list": [1, 2]}, "left": 4, "right": 20, "join": {"sum": 27}})
        self.assert_nothing_left()

    def test_the_keys_of_a_finished_task(self):
        begin = time.time()
        task = self.json_lines("run", self.file("g.yaml", "name: g\ntasks: {a: {command: ['true']}}"))[0]
        for key, value in {"task": "a", "graph": "g", "state": "done", "result": None}.items():
            self.assertEqual(task[key], value)
        self.assertIsInstance(task["wall_ms"], int)
        (attempt,) = task["attempts"]
        for key, value in {"number": 1, "exit_code": 0, "signal": None, "cause": None, "node": "local"}.items():
            self.assertEqual(attempt[key], value)
        for key in ("started", "ended"):
            self.assertRegex(attempt[key], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        started = time.strptime(attempt["started"][:19], "%Y-%m-%dT%H:%M:%S")
        self.assertLess(abs(calendar.timegm(started) - begin), 60)

    def test_a_table_for_people_ends_with_counts(self):
        out, err = self.troupe("run", self.file("g.yaml", DIAMOND))
        lines = out.splitlines()
        self.assertEqual(lines[0].split(), ["task", "state", "attempts", "node", "wall"])
        self.assertEqual([line.split()[0] for line in lines[1:5]], ["start", "left", "right", "join"])
        self.assertEqual(lines[5], "4 tasks: 4 done")
        self.assertRegex(lines[6], r"^graph diamond \([0-9a-f]{16}\) done after ")
        self.assertEqual(err, "")
        self.assertNotIn("\033", out)

    def test_a_failing_task_is_tried_again_and_skips_what_hangs_on_it(self):
        graph = self.file("g.yaml", r"""
tasks:
  bad: {command: [sh, -c, 'echo "try $TROUPE_ATTEMPT"; exit 7'], max_attempts: 3}
  next: {command: ["true"], after: [bad]}
  last: {command: ["true"], after: [next]}
  other: {command: ["true"]}
""")
        process = self.start("run", graph, "--format", "json")
        out, err = process.communicate(timeout=LIMIT_S)
        self.assertEqual(process.returncode, 1, err)
        tasks = {task["task"]: task for task in map(json.loads, out.splitlines())}
        self.assertEqual({name: task["state"] for name, task in tasks.items()},
                         {"bad": "failed", "next": "skipped", "last": "skipped", "other": "done"})
        attempts = tasks["bad"]["attempts"]
        self.assertEqual([each["number"] for each in attempts], [1, 2, 3])
        self.assertEqual([each["exit_code"] for each in attempts], [7, 7, 7])
        self.assertEqual([each["cause"] for each in attempts], [f"exit code 7\ntry {n}" for n in (1, 2, 3)])
        for name in ("next", "last"):
            self.assertEqual(tasks[name]["reason"], "task 'bad' failed: exit code 7")
            self.assertEqual(tasks[name]["attempts"], [])
        # Its last lines are shown at once, on stderr.
        self.assertIn("task 'bad' failed (attempt 3): exit code 7\n  try 3\n", err)

    def test_an_attempt_that_fails_once_ends_well(self):
        graph = self.file("g.yaml", "tasks: {a: {command: [sh, -c, 'test -e {dir}/seen || { touch {dir}/seen; exit 1; }'], "
                                    "max_attempts: 2}}")
        task = self.json_lines("run", graph)[0]
        self.assertEqual(task["state"], "done")
        self.assertEqual([each["exit_code"] for each in task["attempts"]], [1, 0])

    def test_branches_loops_and_gangs(self):
        lines = self.json_lines("run", self.file("g.yaml", r"""name: control
tasks:
  join: {command: [sh, -c, 'echo "{\"accuracy\": 0.83}" > $TROUPE_RESULT']}
  publish: {after: [join], when: "join.accuracy >= 0.9", command: ["false"]}
  announce: {after: [publish], command: ["false"]}
  archive: {after: [publish, join], when: "join.accuracy > 0.5 and not join.accuracy == 1", command: ["true"]}
  again:
    command: [sh, -c, 'echo $TROUPE_ATTEMPT > $TROUPE_RESULT']
    repeat: {while: "again < 3", at_most: 10}
  pair:
    gang: {size: 2}
    needs: {cpus: 0.5}
    command: [sh, -c, 'echo "[$TROUPE_RANK, $TROUPE_WORLD_SIZE, {rank}]" > $TROUPE_RESULT']
"""))
        tasks = {line["task"]: line for line in lines}
        why = "its condition `join.accuracy >= 0.9` is false: join.accuracy is 0.83"
        self.assertEqual([tasks["publish"]["state"], tasks["publish"]["reason"]], ["skipped", why])
        self.assertEqual([tasks["announce"]["state"], tasks["announce"]["reason"]],
                         ["skipped", "task 'publish' was skipped: " + why])
        self.assertEqual(tasks["archive"]["state"], "done")
        self.assertEqual([tasks["again"]["result"], tasks["again"]["iteration"]], [3, 2])
        self.assertEqual([tasks[f"pair[{rank}]"]["result"] for rank in (0, 1)], [[0, 2, 0], [1, 2, 1]])

    def test_what_is_tried_again_and_after_what_time(self):
        lines = self.json_lines("run", self.file("g.yaml", r"""tasks:
  late: {command: [sh, -c, 'exit $(( TROUPE_ATTEMPT == 1 ? 75 : 0 ))'], max_attempts: 3, retry_on: [75], retry_delay: 200ms}
  never: {command: [sh, -c, 'exit 3'], max_attempts: 3, retry_on: [75, SIGKILL]}
"""), code=1)
        tasks = {line["task"]: line for line in lines}
        self.assertEqual([tasks["late"]["state"], len(tasks["late"]["attempts"])], ["done", 2])
        first, second = (calendar.timegm(time.strptime(attempt[key][:19], "%Y-%m-%dT%H:%M:%S")) +
                         float("0" + attempt[key][19:].rstrip("Z"))
                         for attempt, key in zip(tasks["late"]["attempts"], ("ended", "started")))
        self.assertGreaterEqual(second - first, 0.199)
        self.assertEqual([tasks["never"]["state"], len(tasks["never"]["attempts"])], ["failed", 1])

    def test_a_signal_is_told_as_one(self):
        graph = self.file("g.yaml", "tasks: {a: {command: [sh, -c, 'kill -SEGV $$']}}")
        task = self.json_lines("run", graph, code=1)[0]
        self.assertEqual((task["attempts"][0]["signal"], task["attempts"][0]["exit_code"]), (11, None))
        self.assertIn("signal 11", task["attempts"][0]["cause"])

    def test_a_program_that_is_not_there(self):
        graph = self.file("g.yaml", "tasks: {a: {command: [./no-such-program]}}")
        task = self.json_lines("run", graph, code=1)[0]
        self.assertIn("cannot start './no-such-program'", task["attempts"][0]["cause"])

    def test_a_task_that_takes_too_long_is_ended(self):
        begin = time.monotonic()
        graph = self.file("g.yaml", "tasks: {a: {command: [sleep, '600'], timeout: 300ms}}")
        task = self.json_lines("run", graph, code=1)[0]
        self.assertEqual(task["state"], "failed")
        self.assertIn("timed out after 300 ms", task["reason"])
        self.assertLess(time.monotonic() - begin, LIMIT_S)
        self.assert_nothing_left()

    def test_each_makes_a_task_for_every_value(self):
        graph = self.file("g.yaml", r"""
tasks:
  part: {each: {shard: [a, b, c]}, command: [sh, -c, 'echo "\"{shard}$SHARD$TROUPE_TASK\"" > $TROUPE_RESULT'],
         env: {SHARD: "{shard}"}}
  all: {after: [part], command: [sh, -c, 'echo "\"{part[0]} {part[1]} {part[2]}\"" > $TROUPE_RESULT']}
""")
        tasks = {task["task"]: task["result"] for task in self.json_lines("run", graph)}
        self.assertEqual(tasks, {"part[0]": "aapart[0]", "part[1]": "bbpart[1]", "part[2]": "ccpart[2]",
                                 "all": "aapart[0] bbpart[1] ccpart[2]"})

    def test_commands_run_in_the_folder_of_the_graph_file(self):
        (self.folder / "here" / "sub").mkdir()
        graph = self.file("sub/g.yaml", "tasks: {a: {command: [./job.sh]}, b: {command: [pwd], cwd: ..}}")
        script = self.folder / "here" / "sub" / "job.sh"
        script.write_text("#!/bin/sh\npwd > $TROUPE_RESULT.txt; echo \"\\\"$(pwd)\\\"\" > $TROUPE_RESULT\n")
        script.chmod(0o755)
        tasks = {task["task"]: task for task in self.json_lines("run", graph)}
        self.assertEqual(tasks["a"]["result"], str(script.parent))
        self.assertEqual(tasks["b"]["state"], "done")

    def test_a_lost_attempts_children_end_before_the_next_attempt_starts(self):
        pids = self.folder / "pids"
        script = self.file("job.sh", f"""
if test -e {pids}; then
  kill -0 $(cat {pids}) && echo '"alive"' > $TROUPE_RESULT || echo '"gone"' > $TROUPE_RESULT
  exit
fi
setsid sleep 600 & echo $! > {pids}.new; mv {pids}.new {pids}
wait
""")
        process = self.start("run", self.file("g.yaml", f"tasks: {{a: {{command: [sh, {script}], max_attempts: 2}}}}"),
                             "--format", "json")
        wait_until("the child runs", pids.exists)
        shell = parent_of(int(pids.read_text()))
        os.kill(parent_of(shell), signal.SIGKILL)  # The agent.
        out, err = process.communicate(timeout=LIMIT_S)
        self.assertEqual(json.loads(out)["result"], "gone", err)
        self.assert_nothing_left()

    def test_a_thousand_tasks(self):
        graph = self.file("g.yaml", "tasks:\n  a: {each: {i: [%s]}, command: ['true'], needs: {cpus: 0.5}}\n"
                                    "  b: {after: [a], command: ['true']}\n" % ", ".join(map(str, range(1000))))
        out, _ = self.troupe("run", graph)
        self.assertIn("1001 tasks: 1001 done", out)
        self.assertIn("and 901 more", out)

    def test_progress_is_plain_lines_when_nobody_watches(self):
        graph = self.file("g.yaml", "tasks: {a: {command: [sleep, '1.5']}}")
        _, err = self.troupe("run", graph)
        self.assertRegex(err, r"^g: 0 of 1 task ended, (1 running, )?1\.\d s\n$")
        _, err = self.troupe("run", graph, "--quiet")
        self.assertEqual(err, "")


class Terminal(Case):
    def on_a_terminal(self, *arguments, **environment):
        """All that a person would see, and the exit code."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        process = subprocess.Popen([TROUPE, *arguments], cwd=self.folder / "here", stdin=subprocess.DEVNULL, stdout=theirs,
                                   stderr=theirs, env=self.environment | environment)
        os.close(theirs)
        seen = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Nobody has it open any more.
                break
            if not part:
                break
            seen += part
        os.close(ours)
        return seen.decode(), process.wait(LIMIT_S)

    def test_a_bar_that_goes_away_colours_and_a_table_as_wide_as_the_terminal(self):
        graph = self.file("slow.yaml", "tasks: {a: {command: [sleep, '0.5']}, b: {after: [a], command: [sh, -c, "
                                       "'echo oh; exit 3']}, c: {after: [b], command: [x]}}")
        seen, code = self.on_a_terminal("run", graph)
        self.assertEqual(code, 1)
        self.assertIn("\r[" + " " * 30 + "] slow: 0 of 3 tasks ended", seen)
        self.assertIn("\r\033[Kb | oh\r\n", seen)  # The bar may be drawn again after it.
        self.assertIn("task 'b' failed: exit code 3\r\n  oh\r\n", seen)
        self.assertIn("\033[31mfailed\033[0m", seen)
        table = re.sub("\033\\[[0-9]*[mK]", "", seen).replace("\r\n", "\n").split("\n")
        row = next(line for line in table if line.startswith("c  "))
        self.assertEqual(len(row), 60)

        seen, _ = self.on_a_terminal("run", graph, NO_COLOR="1")
        self.assertNotRegex(seen, "\033\\[[0-9]*m")


class Check(Case):
    def test_a_right_graph(self):
        out, _ = self.troupe("run", self.file("g.yaml", DIAMOND), "--check")
        self.assertIn("graph diamond is well formed: 4 tasks, 5 edges", out)
        self.assertFalse((self.folder / "state").exists(), "nothing is started, nothing is written")

    def test_a_wrong_graph_is_refused_before_anything_starts(self):
        self.file("graph.yaml", "tasks:\n  train:\n    comand: [./train]\n    needs: {cpus: 4096}\n    timeout: 3\n")
        for more in ([], ["--check"]):
            out, err = self.troupe("run", "graph.yaml", *more, code=2)
            self.assertEqual(out, "")
            lines = err.splitlines()
            self.assertEqual(lines[0], "graph.yaml:2:3: task 'train' has no 'command'")
            self.assertEqual(lines[1],
                             "graph.yaml:3:5: unknown key 'comand' in task 'train' (did you mean 'command'?)")
            self.assertRegex(lines[2], r"^graph.yaml:4:19: task 'train' needs 4096 cpus; this machine has \d+$")
            self.assertEqual(lines[3], "graph.yaml:5:14: 'timeout' in task 'train': found '3', expected a duration such "
                                       "as 500ms, 30s, 10min, 1h or 2d")
            self.assertEqual(len(lines), 4)
        self.assertFalse((self.folder / "state").exists())

    def test_bad_usage(self):
        graph = self.file("g.yaml", DIAMOND)
        for arguments in (["run"], ["run", "missing.yaml"], ["run", graph, "--", "true"], ["run", graph, "--cpus", "1"],
                          ["run", "--cpus", "x", "--", "true"], ["run", "--cpus", "4096", "--", "true"],
                          ["run", "--gpus", "1", "--", "true"], ["run", "--memory", "2gigs", "--", "true"],
                          ["run", "--check", "--", "true"], ["run", "--", ""], ["run", graph, "--wrong"],
                          ["list", "things"], ["list", "trials"], ["list", "graphs", "--filter", "colour=red"],
                          ["list", "graphs", "--filter", "state"], ["get", "nothing"], ["get"], ["nothing"]):
            with self.subTest(arguments):
                out, err = self.troupe(*arguments, code=2)
                self.assertNotEqual(err, "")
        self.assertFalse((self.folder / "state").exists())


class OneCommand(Case):
    def test_its_output_appears_and_its_success_is_ours(self):
        out, err = self.troupe("run", "--", "sh", "-c", "pwd; echo to stderr >&2; echo $TROUPE_TASK $0 --format json", "x")
        self.assertEqual(out, f"{self.folder / 'here'}\nto stderr\nsh x --format json\n")
        self.assertEqual(err, "")

    def test_its_failure_is_ours(self):
        out, err = self.troupe("run", "--", "sh", "-c", "echo last words; exit 3", code=1)
        self.assertEqual((out, err), ("last words\n", "troupe run: 'sh' failed: exit code 3\n"))
        _, err = self.troupe("run", "--", "no-such-program", code=1)
        self.assertIn("cannot start 'no-such-program'", err)

    def test_it_is_bound_to_as_many_processors_as_it_asks_for(self):
        code = "import os; print(len(os.sched_getaffinity(0)))"
        out, _ = self.troupe("run", "--cpus", "1", "--", sys.executable, "-c", code)
        self.assertEqual(out, "1\n")
        out, _ = self.troupe("run", "--cpus", "0.5", "--", sys.executable, "-c", code)
        self.assertEqual(out, f"{len(os.sched_getaffinity(0))}\n")

    def test_its_memory_and_that_of_what_it_starts_are_kept_to(self):
        hoard = f"{sys.executable} -c 'import time; hoard = bytearray(300 << 20); time.sleep(60)'"
        out, err = self.troupe("run", "--memory", "100MiB", "--", "sh", "-c", hoard + "; echo over", code=1)
        self.assertNotIn("over", out)
        self.assertRegex(err, r"out of memory: it used \d+ MiB, it was granted 100 MiB: ask for more")
        # What they share after a fork counts once. It is held for a second: an agent looks five times in one.
        family = "import os, time; hoard = bytearray(70 << 20); os.fork(); os.fork(); time.sleep(1); os._exit(0)"
        self.troupe("run", "--memory", "100MiB", "--", sys.executable, "-c", family)

    def test_its_output_appears_while_it_runs(self):
        flag = self.folder / "go"
        process = self.start("run", "--", "sh", "-c", f"echo first; while ! test -e {flag}; do sleep 0.01; done; echo second")
        self.assertEqual(process.stdout.readline(), "first\n")
        flag.touch()
        out, _ = process.communicate(timeout=LIMIT_S)
        self.assertEqual((out, process.returncode), ("second\n", 0))

    def test_closed_standard_files(self):
        def closing(*files):
            return lambda: [os.close(file) for file in files]

        for files in ((0,), (0, 1), (0, 1, 2), (1,), (2,)):
            with self.subTest(closed=files):
                out, _ = self.troupe("run", "--", "sh", "-c", "echo hello; sleep 0.3", preexec_fn=closing(*files))
                self.assertEqual(out, "" if 1 in files else "hello\n")
        self.assert_nothing_left()

    def test_a_relative_place_for_sockets(self):
        for name in ("TMPDIR", "XDG_RUNTIME_DIR"):
            (self.folder / "here" / name).mkdir()
            self.troupe("run", "--", "true", env=self.environment | {name: name})
            self.troupe("list", "tasks", env=self.environment | {name: name})
            self.assertEqual(os.listdir(self.folder / "here" / name), [])

    def test_a_parent_that_ignores_the_ends_of_its_children(self):
        self.troupe("run", "--", "true", preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.assert_nothing_left()

    def test_json_keeps_stdout_for_programs(self):
        out, err = self.troupe("run", "--format", "json", "--cpus", "0.5", "--memory", "64MiB", "--", "echo", "hello")
        self.assertEqual(json.loads(out)["state"], "done")
        self.assertEqual(err, "hello\n")


class Interrupt(Case):
    def graph(self):
        return self.file("g.yaml", f"""
tasks:
  slow: {{command: [sh, -c, 'touch {self.folder}/running; sleep 600 & sleep 600; true']}}
  next: {{command: ["true"], after: [slow]}}
""")

    def running(self):
        process = self.start("run", self.graph(), "--format", "json")
        wait_until("the task runs", lambda: (self.folder / "running").exists())
        return process

    def test_once_cancels_in_order_and_leaves_nothing(self):
        process = self.running()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT_S)
        self.assertEqual(process.returncode, 130, err)
        states = {task["task"]: task["state"] for task in map(json.loads, out.splitlines())}
        self.assertEqual(states["slow"], "cancelled")
        self.assertIn(states["next"], ("cancelled", "skipped"))
        self.assertIn("cancelling", err)
        self.assert_nothing_left()
        self.assertEqual(self.json_lines("list", "graphs")[0]["state"], "cancelled")

    def obstinate(self, on_term):
        script = self.file("job.sh", f"trap '{on_term}' TERM\ntouch {self.folder}/running\nwhile :; do sleep 0.02; done\n")
        process = self.start("run", self.file("g.yaml", f"tasks: {{slow: {{command: [sh, {script}]}}}}"), "--format", "json")
        wait_until("the task runs", lambda: (self.folder / "running").exists())
        process.send_signal(signal.SIGINT)
        self.assertEqual(json.loads(process.stdout.readline())["state"], "cancelled")
        return process

    def test_once_gives_commands_the_time_to_end(self):
        process = self.obstinate(f"sleep 0.5; touch {self.folder}/saved; exit 0")
        process.communicate(timeout=LIMIT_S)
        self.assertEqual(process.returncode, 130)
        self.assertTrue((self.folder / "saved").exists())
        self.assert_nothing_left()

    def test_the_second_does_not_wait_for_commands_that_do_not_end(self):
        process = self.obstinate("")
        begin = time.monotonic()
        time.sleep(0.2)  # It waits for them now.
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT_S)
        self.assertEqual(process.returncode, 130)
        self.assertLess(time.monotonic() - begin, 3)
        self.assert_nothing_left()

    def test_commands_that_do_not_end_are_killed(self):
        process = self.obstinate("")
        begin = time.monotonic()
        process.communicate(timeout=LIMIT_S)
        self.assertEqual(process.returncode, 130)
        self.assertGreater(time.monotonic() - begin, 4)
        self.assert_nothing_left()

    def test_while_the_cluster_starts_is_no_broken_cluster(self):
        real = self.folder / "real"
        slow = self.folder / "slow"
        for folder in (real, slow):
            folder.mkdir()
        (real / "redis-server").symlink_to(shutil.which("redis-server") or shutil.which("redis-check-rdb"))
        (slow / "redis-server").write_text(f'#!/bin/sh\ntouch {self.folder}/starts\nsleep 0.3\nexec {real}/redis-server "$@"\n')
        (slow / "redis-server").chmod(0o755)
        process = self.start("run", "--", "true", env=self.environment | {"PATH": f"{slow}:{os.environ['PATH']}"})
        wait_until("redis starts", (self.folder / "starts").exists)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT_S)
        self.assertEqual((process.returncode, err), (130, ""))
        self.assertEqual(self.json_lines("list", "graphs")[0]["state"], "cancelled")
        self.assert_nothing_left()

    def test_a_hangup_that_is_ignored_stays_so(self):
        go = self.folder / "go"
        process = self.start("run", "--", "sh", "-c", f"echo first; while ! test -e {go}; do sleep 0.01; done",
                             preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.assertEqual(process.stdout.readline(), "first\n")
        process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        go.touch()
        _, err = process.communicate(timeout=LIMIT_S)
        self.assertEqual((process.returncode, err), (0, ""))

    def test_twice_ends_at_once_and_leaves_nothing(self):
        process = self.running()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT_S)
        self.assertEqual(process.returncode, 130)
        self.assert_nothing_left()

    def test_a_killed_command_line_leaves_no_process_and_its_run_is_found(self):
        process = self.running()
        process.kill()
        process.communicate(timeout=LIMIT_S)
        self.assert_nothing_left()
        (run,) = self.json_lines("list", "graphs")
        self.assertEqual(run["state"], "interrupted")
        self.assertEqual(run["states"]["running"] + run["states"]["waiting"], 2)
        tasks = {task["task"]: task["state"] for task in self.json_lines("list", "tasks")}
        self.assertEqual(tasks, {"slow": "running", "next": "waiting"})
        out, _ = self.troupe("get", f"{run['graph_id']}/next")
        self.assertRegex(out, r"waits +for slow\n")
        self.assert_nothing_left()

    def test_a_killed_supervisor_leaves_no_socket_and_no_shared_memory(self):
        process = self.running()
        supervisor = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
        os.kill(supervisor, signal.SIGKILL)
        _, err = process.communicate(timeout=LIMIT_S)
        self.assertEqual(process.returncode, 3)
        self.assertEqual(os.listdir(self.folder / "tmp"), [], err)
        self.assertEqual(self.shared_memory() - self.shared_before, set())

    def test_a_run_under_way_is_listed_as_such(self):
        process = self.running()
        self.assertEqual(self.json_lines("list", "graphs")[0]["state"], "running")
        self.assertEqual({task["task"]: task["state"] for task in self.json_lines("list", "tasks")},
                         {"slow": "running", "next": "waiting"})
        process.kill()
        process.communicate(timeout=LIMIT_S)


class Afterwards(Case):
    def setUp(self):
        super().setUp()
        self.troupe("run", self.file("first.yaml", DIAMOND))
        bad = "name: second\ntasks: {a: {command: ['true']}, b: {after: [a], command: [sh, -c, 'echo oh no; exit 2']}}"
        self.troupe("run", self.file("second.yaml", bad), code=1)

    def test_list_shows_graphs_the_newest_first(self):
        runs = self.json_lines("list", "graphs")
        self.assertEqual([(run["graph"], run["state"], run["tasks"]) for run in runs],
                         [("second", "failed", 2), ("diamond", "done", 4)])
        self.assertEqual(runs[0]["states"]["failed"], 1)
        out, _ = self.troupe("list", "graphs")
        self.assertEqual(out.splitlines()[0].split(), ["graph", "id", "state", "tasks", "done", "started", "wall"])
        self.assertEqual(out.splitlines()[-1], "2 graphs: 1 done, 1 failed")

    def test_list_filters_and_limits(self):
        self.assertEqual([run["graph"] for run in self.json_lines("list", "graphs", "--filter", "state=done")], ["diamond"])
        self.assertEqual(len(self.json_lines("list", "graphs", "--limit", "1")), 1)
        names = lambda *more: [task["task"] for task in self.json_lines("list", "tasks", *more)]
        self.assertEqual(names(), ["a", "b", "start", "left", "right", "join"])
        self.assertEqual(names("--filter", "graph=diamond", "--filter", "state=done", "--limit", "3"),
                         ["start", "left", "right"])
        self.assertEqual(names("--filter", "state=failed"), ["b"])
        out, _ = self.troupe("list", "tasks")
        self.assertEqual(out.splitlines()[-1], "6 tasks: 5 done, 1 failed")
        out, _ = self.troupe("list", "tasks", "--limit", "2")
        self.assertEqual(out.splitlines()[-1], "2 tasks: 1 done, 1 failed; more were left out by --limit")

    def test_get_finds_a_graph_and_a_task_by_every_name(self):
        run = self.json_lines("list", "graphs")[1]
        for name in ("diamond", run["graph_id"], run["graph_id"][:8]):
            (graph,) = self.json_lines("get", name)
            self.assertEqual((graph["graph"], graph["state"], len(graph["task_list"])), ("diamond", "done", 4))
            (task,) = self.json_lines("get", name + "/join")
            self.assertEqual(task["result"], {"sum": 27})
        self.assertEqual(self.json_lines("get", run["graph_id"] + ".4")[0]["task"], "join")
        _, err = self.troupe("get", "diamond/jion", code=2)
        self.assertIn("has no task 'jion' (did you mean 'join'?)", err)

    def test_get_tells_every_attempt_with_its_cause_and_output(self):
        out, _ = self.troupe("get", "second/b")
        for pattern in (r"^state +failed$", r"^reason +exit code 2$", r"^after +a$", r"attempt 1 on local, .*: failed$",
                        r"^  exit code 2$", r"^  oh no$"):
            self.assertRegex(out, re.compile(pattern, re.MULTILINE))
        output = re.search(r"output: (.*)", out).group(1)
        self.assertEqual(Path(output).read_text(), "oh no\n")

    def test_the_state_folder_is_for_its_owner_only(self):
        self.assertEqual((self.folder / "state" / "troupe").stat().st_mode & 0o777, 0o700)

    def test_reading_leaves_nothing(self):
        self.troupe("list", "tasks")
        self.assert_nothing_left()

    def test_only_the_last_hundred_runs_are_kept(self):
        runs = self.folder / "state" / "troupe" / "runs"
        template = next(runs.iterdir())
        for i in range(120):
            shutil.copytree(template, runs / f"20000101T{i:06}.000-{i:016x}")
        self.troupe("run", "--", "true")
        names = sorted(entry.name for entry in runs.iterdir())
        self.assertEqual(len(names), 100)
        self.assertTrue(names[0].startswith("20000101T000023"), names[0])


class NoCluster(Case):
    def test_no_redis_server_is_one_sentence(self):
        empty = self.folder / "bin"
        empty.mkdir()
        _, err = self.troupe("run", "--", "true", code=3, env=self.environment | {"PATH": str(empty)})
        self.assertEqual(err, "troupe run: there is no redis-server: install redis-tools (or redis-server), 7.0 or later\n")
        self.assert_nothing_left()

    def test_a_state_folder_that_cannot_be_made_is_one_sentence(self):
        blocked = self.folder / "blocked"
        blocked.write_text("a file")
        _, err = self.troupe("run", "--", "true", code=3, env=self.environment | {"XDG_STATE_HOME": str(blocked)})
        self.assertRegex(err, r"^troupe run: cannot make the folder .*: Not a directory: choose another place by "
                              r"XDG_STATE_HOME\n$")


class Doctor(Case):
    def test_every_check_says_what_it_found(self):
        checks = {check["check"]: check for check in self.json_lines("doctor")}
        for name in ("redis", "state", "sockets", "shared memory", "open files", "machine", "back-ends"):
            self.assertIn(checks[name]["state"], ("ok", "warn"), checks[name])
        for check in checks.values():
            self.assertEqual(check["advice"] == "", check["state"] == "ok", check)
        self.assert_nothing_left()

    def test_what_is_missing_fails_with_advice(self):
        empty = self.folder / "bin"
        empty.mkdir()
        checks = self.json_lines("doctor", code=1, env=self.environment | {"PATH": str(empty)})
        redis = next(check for check in checks if check["check"] == "redis")
        self.assertEqual(redis["state"], "fail")
        self.assertIn("install redis-tools", redis["advice"])


if __name__ == "__main__":
    unittest.main()
