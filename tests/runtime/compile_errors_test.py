#!/usr/bin/env python3
"""What does not go with a task's, an actor's or a method's type is one compile error, in words, at the user's line.

    compile_errors_test.py SOURCE_ROOT COMPILER...
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT, COMPILER = sys.argv[1], sys.argv[2:]

PROGRAM = """#include "runtime/api/session.h"
using namespace troupe;
struct Opaque { void* here; };
class Counter { public: explicit Counter(long start); int add(int amount); };
inline constexpr Task<int(int, int)> sum{"sum"};
inline constexpr Task<int(Opaque)> show{"show"};
enum class Colour { red };
inline constexpr Task<int(Colour)> paint{"paint"};
inline constexpr ActorType<Counter(long)> counter{"Counter"};
inline constexpr Method<&Counter::add> add{"add"};
void use(Session& session, TaskGraph& graph, Actor<Counter>& actor) {
"""
NO_CONVERSION = "an argument does not convert to the parameter that it is given for"
NOT_AS_MANY = "the arguments are not as many as the parameters"


class CompileErrors(unittest.TestCase):
    def errors_of(self, line):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "program.cpp"
            source.write_text(PROGRAM + line + "}\n")
            made = subprocess.run([*COMPILER, "-std=c++20", "-fsyntax-only", "-I", ROOT, source], text=True,
                                  capture_output=True)
        lines = made.stderr.splitlines()
        place = f"program.cpp:{len(PROGRAM.splitlines()) + 1}:"
        return [text for text in lines if "error:" in text], any(place in text for text in lines)

    def test_one_error_says_what_is_wrong_and_where(self):
        for line, expected in (("session.submit(sum, 1, 2); actor.call(add, session.put(3)); session.spawn(counter, 1);", None),
                               ('session.submit(sum, "one", 2);', NO_CONVERSION),
                               ("session.submit({.priority = 1}, sum, 1);", NOT_AS_MANY),
                               ("session.submit(show, Opaque{});", "a struct needs a `fields` function"),
                               ("session.submit(paint, Colour{});", "an enum a `last_of` function"),
                               ("session.submit(sum, session.put(std::string()), 2);", NO_CONVERSION),
                               ("actor.call(add, std::string());", NO_CONVERSION),
                               ("actor.call(add);", NOT_AS_MANY),
                               ('session.spawn(counter, "five");', NO_CONVERSION),
                               ('graph.add(sum, "one", 2);', NO_CONVERSION)):
            with self.subTest(line):
                errors, names_the_line = self.errors_of(line)
                if expected is None:
                    self.assertEqual(errors, [])
                else:
                    self.assertEqual(len(errors), 1, errors)
                    self.assertIn(expected, errors[0])
                    self.assertTrue(names_the_line)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
