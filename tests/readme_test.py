"""Runs every command of README.md, as a reader would, and holds its listings against the files they name.

usage: readme_test.py ROOT BUILD
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(sys.argv[1])
BUILD = Path(sys.argv[2])
TEXT = (ROOT / "README.md").read_text()

# `tools/dev test` is what runs this test.
NOT_AGAIN = {"tools/dev test"}

# What a command must print, by how it begins.
ANSWERS = {
    "build/examples/example_hello": "hello, world",
    "build/examples/example_pi": "3.14",
    "build/troupe get squares/report": "the squares add up to 30",
    "build/troupe get squares ": "6 done",
    "build/troupe logs squares/report": "the squares add up to 30",
    "build/troupe timeline squares": '"name":"square[3]"',
    "build/examples/example_shop": "2.50",
    "build/troupe run -- echo": "hello",
    "build/troupe list graphs": "squares",
    "build/troupe train lenet --data synthetic --compare": '"same_bits_as_single":true',
    "tools/dev demo": "another algorithm",
}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def commands():
    for block in blocks("sh"):
        for line in block.replace("\\\n", " ").splitlines():
            command = line.split("    #")[0].strip()
            if command and command not in NOT_AGAIN:
                yield command


class Readme(unittest.TestCase):
    def test_every_command_does_what_it_says(self):
        found = list(commands())
        self.assertGreater(len(found), 8)
        with tempfile.TemporaryDirectory(prefix="troupe-readme-") as state:
            environment = dict(os.environ, XDG_STATE_HOME=state)
            for command in found:
                with self.subTest(command):
                    words = shlex.split(command)
                    words = [str(BUILD / word[len("build/"):]) if word.startswith("build/") else word for word in words]
                    run = subprocess.run(words, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                                         capture_output=True, text=True, timeout=280)
                    self.assertEqual(run.returncode, 0, f"{command}\n{run.stdout}\n{run.stderr}")
                    for start, answer in ANSWERS.items():
                        if (command + " ").startswith(start):
                            self.assertIn(answer, run.stdout)

    def test_the_listings_are_the_files(self):
        program = (ROOT / "examples/hello.cpp").read_text()
        self.assertIn(blocks("cpp")[0].strip(), program)
        self.assertEqual(blocks("yaml")[0], (ROOT / "examples/graphs/squares.yaml").read_text())

    def test_every_link_leads_somewhere(self):
        for target in re.findall(r"\[[^\]\n]+\]\(([\w./-]+)\)", TEXT):
            self.assertTrue((ROOT / target).exists(), target)

    def test_every_file_that_is_named_exists(self):
        for name in re.findall(r"`((?:runtime|scheduler|nn|tools|examples)/[\w./]+)`", TEXT):
            self.assertTrue((ROOT / name).exists(), name)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
