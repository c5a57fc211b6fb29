"""Troupe as somebody has it who did not build it: installed into a folder, and a program of his own outside the tree.

usage: install_test.py BUILD PREFIX LIBDIR INCLUDEDIR
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD, PREFIX, LIBDIR, INCLUDEDIR = sys.argv[1:5]
# What a program includes; they lead to all others.
DOORS = ["scheduler/local/cluster.h", "runtime/api/actor_pool.h", "runtime/api/coroutine.h"]
COMPILER = ["g++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-Wpedantic"]

CMAKE = """cmake_minimum_required(VERSION 3.16)
project(outside CXX)
find_package(troupe @VERSION@ REQUIRED)
add_executable(outside outside.cpp)
target_link_libraries(outside troupe::troupe)
"""


def run(*command, **options):
    return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=200, **options)


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="troupe-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        done = run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", cls.folder / "at")
        assert done.returncode == 0, done.stdout + done.stderr
        cls.prefix = Path(f"{cls.folder}/at{PREFIX}")
        cls.libraries = cls.prefix / LIBDIR
        cls.headers = cls.prefix / INCLUDEDIR / "troupe"
        cls.environment = dict(os.environ, PKG_CONFIG_LIBDIR=str(cls.libraries / "pkgconfig"),
                               PKG_CONFIG_SYSROOT_DIR=str(cls.folder / "at"), LD_LIBRARY_PATH=str(cls.libraries),
                               CMAKE_PREFIX_PATH=str(cls.prefix))

    def check_run(self, *command, **options):
        done = run(*command, env=self.environment, **options)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def test_a_program_is_built_with_pkg_config_alone_and_runs(self):
        program = self.folder / "outside"
        flags = shlex.split(self.check_run("pkg-config", "--cflags", "--libs", "troupe"))
        self.check_run(*COMPILER, HERE / "outside.cpp", "-o", program, *flags)
        out = self.check_run(program)
        self.assertEqual(out.splitlines()[:3], ["no cluster", "1342 g", "1349 g"])
        self.assertIn("the parcel to Bonn flies", out)
        other = run(program, "another-abi", env=self.environment)
        self.assertEqual((other.returncode, other.stdout), (1, ""))
        abi = int(self.check_run("pkg-config", "--variable=abi_version", "troupe"))
        self.assertRegex(other.stderr, f"^this program has ABI version {abi + 1} of Troupe, expected {abi}, .*\n$")

    def test_a_program_is_built_with_cmake(self):
        if not shutil.which("cmake"):
            self.skipTest("there is no cmake")
        version = self.check_run("pkg-config", "--modversion", "troupe").strip()
        source = self.folder / "cmake"
        source.mkdir()
        shutil.copy(HERE / "outside.cpp", source)

        def configure(asked):
            (source / "CMakeLists.txt").write_text(CMAKE.replace("@VERSION@", asked))
            return run("cmake", "-S", source, "-B", source / "build", "-DCMAKE_BUILD_TYPE=None", env=self.environment)

        major, minor, _ = version.split(".")
        for refused in (f"{major}.{int(minor) + 1}", f"{int(major) + 1}.0", f"{version}1"):
            self.assertNotEqual(configure(refused).returncode, 0, refused)
        for accepted in (f"{major}.{minor}", version):
            done = configure(accepted)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.check_run("cmake", "--build", source / "build")
        self.assertIn("1342 g", self.check_run(source / "build/outside"))

    def test_the_library_exports_nothing_but_its_own(self):
        library, = self.libraries.glob("libtroupe.so.*")
        listed = self.check_run("nm", "-D", "--defined-only", "--demangle", library).splitlines()
        names = [line.split(" ", 2)[2] for line in listed]
        own = re.compile(r"((typeinfo|typeinfo name|vtable|VTT) for |void (?=troupe::fields<))?troupe::")
        self.assertEqual([name for name in names if not own.match(name)], [])
        self.assertTrue(any(name.startswith("troupe::Cluster::local(") for name in names))
        abi = self.check_run("pkg-config", "--variable=abi_version", "troupe").strip()
        self.assertIn(f"Library soname: [libtroupe.so.{abi}]", self.check_run("readelf", "-d", library))

    def test_the_headers_are_those_that_the_doors_lead_to_and_need_no_other_library(self):
        reached, foreign, todo = set(), set(), list(DOORS)
        while todo:
            name = todo.pop()
            reached.add(name)
            text = (ROOT / name).read_text()
            todo += set(re.findall(r'^#include "([^"]+)"', text, re.MULTILINE)) - reached
            foreign |= set(re.findall(r"^#include <([a-z_]+/.*|.*\.h.*)>", text, re.MULTILINE))
        installed = {str(path.relative_to(self.headers)) for path in self.headers.rglob("*") if path.is_file()}
        self.assertEqual(installed, reached)
        self.assertEqual(foreign, {"unistd.h"})

    def test_the_program_is_there(self):
        self.assertIn("doctor", self.check_run(self.prefix / "bin/troupe", "--help"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
