"""Plants each kind of violation in a small tree and sees that tools/check_tree refuses it, by file, line and rule."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CHECK_TREE = Path(__file__).resolve().parents[2] / "tools" / "check_tree"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

# A tree that keeps every rule, also where it comes close.
CLEAN = {
    "runtime/base/ids.h": "#pragma once\n#include <string>\nstruct Id { std::string text; };\n",
    "runtime/wire/codec.h": '#pragma once\n#include "runtime/base/ids.h"\n',
    "runtime/wire/codec.cpp": '#include "runtime/wire/codec.h"\n#include <msgpack.hpp>\n',
    "runtime/wire/zmq_transport.cpp": "#include <zmq.hpp>\n",
    "runtime/api/session.h": '#pragma once\n#include "runtime/wire/codec.h"\n',
    "runtime/agent/agent.h": '#pragma once\n#include "runtime/api/session.h"\n',
    "scheduler/core/scheduler.h": '#pragma once\n#include <map>\n#include <unordered_map>\n#include "runtime/base/ids.h"\n'
                                  "// <thread> and steady_clock stay outside: see \"nn/model/model.h\".\n"
                                  "/*\n#include <mutex>\n*/\n"
                                  "using Index = std::unordered_map<int, int>;  // lookup only\n",
    "scheduler/policies/mesh.h": '#pragma once\n#include "runtime/base/ids.h"\n',
    "scheduler/store/redis_reader.cpp": '#include <hiredis/hiredis.h>\n#include "runtime/wire/codec.h"\n',
    "scheduler/local/cluster.cpp": '#include <thread>\n#include "runtime/agent/agent.h"\n',
    "nn/model/model.h": '#pragma once\n#include "runtime/base/ids.h"\nconstexpr int parameters = 1\'000;  // don\'t\n',
    "nn/tensor/shape.h": "#pragma once\nstruct Shape { int rows; };\n",
    "nn/backend/onednn_backend.cpp": "#include <dnnl.hpp>\n",
    "nn/parallel/trainer.h": '#pragma once\n#include "nn/model/model.h"\n#include "runtime/api/session.h"\n',
    "gpu/cuda_error.h": '#pragma once\n#include <cuda_runtime.h>\n',
    "tools/cli/graph_file.cpp": '#include <yaml-cpp/yaml.h>\n#include "scheduler/core/scheduler.h"\n',
    "tools/cli/command_line.h": "#pragma once\n#include <CLI/CLI.hpp>\n",
    "tools/cli/main.cpp": '#include "tools/cli/command_line.h"\n#include "nn/parallel/trainer.h"\n',
    "examples/01_pi.cpp": '#include "runtime/api/session.h"\n',
    "tests/support/scenario.h": '#pragma once\n#include "scheduler/core/scheduler.h"\n',
    "tests/scheduler/lost_test.cpp": '#include "tests/support/scenario.h"\n#include <catch2/catch.hpp>\n',
    "README.md": "Paths such as build/troupe, ~/projects/a, ${HOME}/home/b and /usr/bin/env are everyone's.\n",
}

# (file, text, what the finding must say: line and rule)
ARROWS = [
    ("runtime/base/a.h", '#pragma once\n#include "runtime/wire/codec.h"\n', "2: ", "arrows of runtime/base/"),
    ("runtime/wire/a.cpp", '#include "runtime/api/session.h"\n', "1: ", "arrows of runtime/wire/"),
    ("runtime/wire/b.cpp", "#include <runtime/api/session.h>\n", "1: ", "arrows of runtime/wire/"),
    ("runtime/wire/c.cpp", '\n\n#include "../api/session.h"\n', "3: ", "arrows of runtime/wire/"),
    ("runtime/objects/a.cpp", '#include "runtime/api/session.h"\n', "1: ", "arrows of runtime/objects/"),
    ("runtime/api/a.cpp", '#include "runtime/agent/agent.h"\n', "1: ", "arrows of runtime/api/"),
    ("runtime/agent/a.cpp", '#include "scheduler/core/scheduler.h"\n', "1: ", "arrows of runtime/agent/"),
    ("runtime/worker/a.cpp", '#include "nn/model/model.h"\n', "1: ", "arrows of runtime/worker/"),
    ("scheduler/policies/b.cpp", '#include "scheduler/core/scheduler.h"\n', "1: ", "arrows of scheduler/policies/"),
    ("scheduler/policies/a.cpp", '#include "runtime/wire/codec.h"\n', "1: ", "arrows of scheduler/policies/"),
    ("scheduler/store/a.cpp", '#include "runtime/api/session.h"\n', "1: ", "arrows of scheduler/store/"),
    ("scheduler/sweep/a.cpp", '#include "scheduler/core/scheduler.h"\n', "1: ", "arrows of scheduler/sweep/"),
    ("scheduler/local/a.cpp", '#include "nn/model/model.h"\n', "1: ", "arrows of scheduler/"),
    ("scheduler/local/b.cpp", '#include "gpu/cuda_error.h"\n', "1: ", "arrows of scheduler/"),
    ("nn/layers/a.cpp", '#include "runtime/api/session.h"\n', "1: ", "arrows of nn/"),
    ("nn/layers/b.cpp", '#include "nn/parallel/trainer.h"\n', "1: ", "arrows of nn/"),
    ("nn/parallel/a.cpp", '#include "scheduler/core/scheduler.h"\n', "1: ", "arrows of nn/parallel/"),
    ("nn/parallel/b.cpp", '#include "gpu/cuda_error.h"\n', "1: ", "arrows of nn/parallel/"),
    ("gpu/a.cpp", '#include "nn/parallel/trainer.h"\n', "1: ", "arrows of gpu/"),
    ("runtime/agent/b.cpp", '#include "tests/support/scenario.h"\n', "1: ", "arrows of runtime/agent/"),
    ("examples/a.cpp", '#include "tests/support/scenario.h"\n', "1: ", "arrows of examples/"),
    ("misc/a.cpp", "int x;\n", "1: ", "(arrows)"),
    ("nn/layers/c.cpp", '#include "vector"\n', "1: ", "(includes)"),
]
DOORS = [
    ("runtime/wire/a.cpp", "#include <zmq.h>\n", "1: ", "door of ZeroMQ"),
    ("runtime/api/a.cpp", "#include <msgpack.hpp>\n", "1: ", "door of msgpack"),
    ("scheduler/store/a.cpp", "#include <hiredis/hiredis.h>\n", "1: ", "door of hiredis"),
    ("nn/layers/a.cpp", "#include <dnnl.hpp>\n", "1: ", "door of oneDNN"),
    ("nn/layers/b.cpp", "#include <oneapi/dnnl/dnnl.hpp>\n", "1: ", "door of oneDNN"),
    ("scheduler/local/a.cpp", "#include <yaml-cpp/yaml.h>\n", "1: ", "door of yaml-cpp"),
    ("tools/cli/z.cpp", "#include <yaml-cpp/yaml.h>\n", "1: ", "one file only"),
    ("tools/cli/z.h", "#pragma once\n#include <CLI/CLI.hpp>\n", "2: ", "door of CLI11"),
    ("tools/cli/z.cpp", "#include <CLI/CLI.hpp>\n", "1: ", "door of CLI11"),
    ("nn/backend/cuda.cpp", "#include <cuda_runtime.h>\n", "1: ", "door of CUDA"),
    ("nn/tensor/a.cpp", "#include <catch2/catch.hpp>\n", "1: ", "door of Catch2"),
]
PURE = [
    *((f"scheduler/{room}/a.cpp", f"#include <{header}>\n", "1: ", "pure core")
      for room, header in [("core", "thread"), ("core", "mutex"), ("policies", "atomic"), ("sweep", "random"),
                           ("core", "condition_variable"), ("core", "iostream"), ("core", "fstream"),
                           ("sweep", "cstdio"), ("core", "filesystem"), ("policies", "sys/random.h")]),
    ("scheduler/core/a.cpp", "\nauto t = std::chrono::steady_clock::now();\n", "2: ", "pure core"),
    ("scheduler/sweep/a.cpp", "auto t = std::chrono::system_clock::now();\n", "1: ", "pure core"),
    ("scheduler/policies/a.cpp", "std::unordered_map<int, int> index;\n", "1: ", "pure core"),
    ("scheduler/core/a.cpp", "auto id = random_id();\n", "1: ", "pure core"),
    ("scheduler/core/a.cpp", "auto id = random_id<TaskKind>();\n", "1: ", "pure core"),
]
OTHERS = [
    ("docs/a.md", "first\nsee /" + "home/someone/notes\n", "2: ", "machine paths"),
    (".ci/a", "cd /" + "root/troupe\n", "1: ", "machine paths"),
]


class CheckTree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        subprocess.run(["git", "init", "-q", self.root], check=True, env=ENVIRONMENT)

    def write_clean(self, *files):
        for file in files or CLEAN:
            self.write(file, CLEAN[file])

    def write(self, file, text):
        (self.root / file).parent.mkdir(parents=True, exist_ok=True)
        (self.root / file).write_text(text)

    def check(self, *options):
        run = subprocess.run([sys.executable, CHECK_TREE, "--root", self.root, *options], env=ENVIRONMENT,
                             capture_output=True, text=True)
        self.assertIn("check_tree:", run.stderr)  # it came to its end
        self.assertEqual(run.returncode, 1 if run.stdout else 0, run.stderr)
        return run.stdout.splitlines()

    def refuses(self, cases):
        """Plants as many cases at once as have files of different names; each must be found once, and nothing else."""
        self.write_clean()
        while cases:
            planted = {file: (text, line, rule) for file, text, line, rule in reversed(cases)}
            for file, (text, _, _) in planted.items():
                self.write(file, text)
            found = self.check("--no-compile")
            self.assertEqual([finding.split(":")[0] for finding in found], sorted(planted))
            for finding in found:
                _, line, rule = planted[finding.split(":")[0]]
                self.assertIn(f":{line}found ", finding)
                self.assertIn(rule, finding)
            for file in planted:
                (self.root / file).unlink()
            cases = [case for case in cases if planted.get(case[0]) != case[1:]]

    def test_a_tree_that_keeps_the_rules_is_accepted(self):
        self.write_clean()
        self.assertEqual(self.check(), [])

    def test_an_include_against_the_arrows_is_refused(self):
        self.refuses(ARROWS)

    def test_a_library_beside_its_door_is_refused(self):
        self.refuses(DOORS)

    def test_the_world_in_a_pure_core_is_refused(self):
        self.refuses(PURE)

    def test_a_path_of_one_machine_is_refused(self):
        self.refuses(OTHERS)

    def test_what_git_ignores_is_not_looked_at(self):
        self.write(".gitignore", "/build/\n")
        self.write("build/generated.cpp", "#include <zmq.hpp>\n")
        self.assertEqual(self.check("--no-compile"), [])

    def test_a_header_that_leans_on_what_came_before_it_is_refused_each_time_until_it_is_mended(self):
        header = "nn/tensor/shape.h"
        self.write(header, "#pragma once\n\nstd::string text();\n")
        for _ in range(2):
            found = self.check()
            self.assertEqual(len(found), 1, found)
            self.assertTrue(found[0].startswith(f"{header}:3: found "), found)
            self.assertIn("headers alone", found[0])
        self.write(header, "#pragma once\n#include <string>\nstd::string text();\n")
        self.assertEqual(self.check(), [])

    def test_a_header_without_a_guard_is_refused(self):
        self.write("nn/tensor/shape.h", "struct Shape {};\n")
        self.assertIn("headers alone", "".join(self.check()))

    def test_a_header_is_compiled_again_when_one_that_it_includes_changes(self):
        self.write_clean("runtime/base/ids.h", "nn/model/model.h", "nn/tensor/shape.h")
        self.assertEqual(self.check(), [])
        self.write("runtime/base/ids.h", "#pragma once\nstruct Id { std::string text; };\n")
        files = [line.split(":")[0] for line in self.check()]
        self.assertEqual(files, ["nn/model/model.h", "runtime/base/ids.h"])


if __name__ == "__main__":
    unittest.main()
