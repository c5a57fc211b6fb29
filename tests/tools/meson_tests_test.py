"""What `tools/dev test` counts and which tests it chooses, from records as meson writes them."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

MESON_TESTS = Path(__file__).resolve().parents[2] / "tools" / "meson_tests"
TESTS = ["runtime/resources", "runtime/result", "nn/layers", "scheduler/core"]


class MesonTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.testlog = self.folder / "testlog.json"

    def run_with(self, *arguments):
        return subprocess.run([sys.executable, MESON_TESTS, *map(str, arguments)], capture_output=True, text=True)

    def counts(self, results, code, last_line, exit_code):
        """The output of a test may hold any words: only the field `result` counts."""
        lines = [json.dumps({"name": "a", "result": result, "stdout": '"result": "FAIL"\n3 passed, 9 failed',
                             "env": {"result": "FAIL"}}) for result in results]
        self.testlog.write_text("".join(line + "\n" for line in lines))
        run = self.run_with("count", self.testlog, code)
        self.assertEqual((run.stdout, run.returncode), (last_line + "\n", exit_code), run.stderr)

    def test_every_result_of_meson_is_counted_once(self):
        self.counts(["OK", "OK"], 0, "2 passed, 0 failed, 0 skipped", 0)
        self.counts(["OK", "EXPECTEDFAIL", "SKIP"], 0, "2 passed, 0 failed, 1 skipped", 0)
        for result in ["FAIL", "TIMEOUT", "ERROR", "UNEXPECTEDPASS", "INTERRUPT", "a new one"]:
            self.counts(["OK", result, "SKIP"], 1, "1 passed, 1 failed, 1 skipped", 1)

    def test_a_failure_is_a_failure_even_if_meson_exits_with_0(self):
        self.counts(["OK", "FAIL"], 0, "1 passed, 1 failed, 0 skipped", 1)

    def test_the_exit_code_of_meson_stays(self):
        self.counts(["FAIL", "FAIL", "FAIL"], 3, "0 passed, 3 failed, 0 skipped", 3)
        self.counts(["OK"], 130, "1 passed, 0 failed, 0 skipped", 130)

    def test_a_run_in_which_nothing_passed_fails(self):
        self.counts([], 0, "0 passed, 0 failed, 0 skipped", 1)
        self.counts(["SKIP"], 0, "0 passed, 0 failed, 1 skipped", 1)

    def test_a_run_that_left_no_record_fails(self):
        run = self.run_with("count", self.folder / "none.json", 0)
        self.assertEqual((run.stdout, run.returncode), ("0 passed, 0 failed, 0 skipped\n", 1))

    def chosen(self, *names):
        info = self.folder / "meson-info"
        info.mkdir(exist_ok=True)
        (info / "intro-tests.json").write_text(
            json.dumps([{"name": name, "suite": ["troupe:slow" if name == "nn/layers" else "troupe"]} for name in TESTS]))
        run = self.run_with("select", self.folder, *names)
        return run.stdout.split() if run.returncode == 0 else run.stderr

    def test_a_test_is_chosen_by_name_suite_folder_or_part_of_its_name(self):
        self.assertEqual(self.chosen(), TESTS)
        self.assertEqual(self.chosen("runtime/result"), ["runtime/result"])
        self.assertEqual(self.chosen("slow"), ["nn/layers"])
        self.assertEqual(self.chosen("runtime"), ["runtime/resources", "runtime/result"])
        self.assertEqual(self.chosen("runtime/"), ["runtime/resources", "runtime/result"])
        self.assertEqual(self.chosen("core", "reso"), ["scheduler/core", "runtime/resources"])
        self.assertEqual(self.chosen("nn", "layers"), ["nn/layers"])

    def test_a_name_that_fits_nothing_is_refused_with_the_names_there_are(self):
        self.assertIn("no test is called 'moon'; there are: runtime/resources", self.chosen("runtime", "moon"))


if __name__ == "__main__":
    unittest.main()
