#!/usr/bin/env python3
"""`troupe train` from outside: the same bits, real files, bad input, and what is left when somebody dies.

    train_test.py TROUPE [unittest options]
"""

import gzip
import json
import os
import random
import signal
import struct
import sys
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run_test import Case, processes_with, wait_until  # takes TROUPE from the command line

QUICK = ("train", "lenet", "--data", "synthetic", "--batch", "96", "--lr", "0.01", "--quiet")
KEYS = """model data strategy backend seed batch slots steps epochs images_per_s step_ms wall_s utilisation loss accuracy
parameters_digest predicted_step_ms phases workers core_seconds""".split()


def cifar_bytes(images, seed, label=None):
    """Records of CIFAR-10's binary version: a label, 1024 red, 1024 green, 1024 blue. The colour tells the label."""
    dice = random.Random(seed)
    records = bytearray()
    for index in range(images):
        kind = index % 10 if label is None else label
        records.append(kind)
        for channel in range(3):
            level = (kind * (37 + 50 * channel)) % 200
            records += bytes(level + dice.randrange(40) for _ in range(1024))
    return bytes(records)


class Train(Case):
    def cifar(self, images=200):
        folder = self.folder / "cifar"
        folder.mkdir()
        for number in range(1, 6):
            (folder / f"data_batch_{number}.bin").write_bytes(cifar_bytes(images, number))
        (folder / "test_batch.bin").write_bytes(cifar_bytes(100, 9))
        return folder

    def idx(self):
        folder = self.folder / "idx"
        folder.mkdir()
        for part, count in (("train", 64), ("t10k", 32)):
            pixels = bytes((i * 7) % 256 for i in range(count * 28 * 28))
            (folder / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, count, 28, 28) + pixels)
            (folder / f"{part}-labels-idx1-ubyte").write_bytes(
                struct.pack(">II", 0x801, count) + bytes(i % 10 for i in range(count)))
        return folder

    def refused(self, *arguments, code=2, data="synthetic"):
        """One line, exit code 2, nothing started."""
        _, err = self.troupe("train", *(arguments or ("lenet", "--data", data)), code=code)
        self.assertEqual(len(err.strip().splitlines()), 1, err)
        self.assert_nothing_left()
        return err

    def test_every_layout_ends_with_the_bits_of_single(self):
        for backend, steps in (("cpu", 200), ("reference", 3)):
            reports = self.json_lines(*QUICK, "--compare", "single,data:2,model:2,data:3,model:3,mesh:2x2,task:2",
                                      "--steps", str(steps), "--backend", backend)
            digests = {report["strategy"]: report["parameters_digest"] for report in reports}
            single = digests.pop("single")
            self.assertNotEqual(digests.pop("task:2"), single)
            self.assertEqual(set(digests.values()), {single})
            self.assertEqual(len(digests), 5)
        self.assert_nothing_left()

    def test_the_report_says_what_each_worker_computed(self):
        file = self.folder / "report.json"
        (shown,) = self.json_lines(*QUICK, "--strategy", "data:2", "--steps", "10", "--report", str(file))
        self.assertEqual(json.loads(file.read_text()), shown)
        for key in KEYS:
            self.assertIn(key, shown)
        self.assertEqual([worker["samples"] for worker in shown["workers"]], [480, 480])
        self.assertEqual(shown["slots"], 4)
        self.assertTrue(0 < shown["utilisation"] <= 1.01)
        self.assertEqual(shown["lr"], 0.01)

    def test_shards_give_the_same_bits_on_any_number_of_workers(self):
        digests = set()
        for cpus in ("0", "0,1"):
            (report,) = self.json_lines(*QUICK, "--strategy", "task:3", "--steps", "6", "--join-every", "2",
                                        preexec_fn=lambda cpus=cpus: os.sched_setaffinity(0, map(int, cpus.split(","))))
            digests.add(report["parameters_digest"])
        self.assertEqual(len(digests), 1)

    def test_cifar_10_from_its_binary_files_end_to_end(self):
        (report,) = self.json_lines("train", "lenet", "--data", f"cifar10:{self.cifar()}", "--strategy", "data:2",
                                    "--epochs", "6", "--batch", "20", "--lr", "0.02", "--quiet")
        self.assertEqual(report["steps"], 6 * 1000 // 20)
        self.assertGreater(report["accuracy"], 0.3)  # Guessing gives 0.1.
        self.assert_nothing_left()

    def test_damaged_cifar_files_are_refused_by_place(self):
        folder = self.cifar(images=3)
        file = folder / "data_batch_3.bin"
        whole = file.read_bytes()
        for damage, words in ((whole[:-1], ["data_batch_3.bin", "3073"]),
                              (whole + b"x", ["data_batch_3.bin", "3073"]),
                              (b"\x0b" + whole[1:], ["data_batch_3.bin", "label", "11"])):
            file.write_bytes(damage)
            err = self.refused("lenet", "--data", f"cifar10:{folder}")
            for word in words:
                self.assertIn(word, err)
        file.unlink()
        self.assertIn("data_batch_3.bin", self.refused("lenet", "--data", f"cifar10:{folder}"))

    def test_damaged_idx_files_are_refused_by_place(self):
        folder = self.idx()
        self.json_lines("train", "lenet", "--data", f"idx:{folder}", "--batch", "16", "--steps", "2", "--quiet")
        images = folder / "train-images-idx3-ubyte"
        labels = folder / "train-labels-idx1-ubyte"
        for file, change in ((images, lambda b: b[:-1]), (images, lambda b: b + b"x"),
                             (images, lambda b: b"\x00\x00\x0d\x03" + b[4:]), (images, lambda b: b[:10]),
                             (images, lambda b: b[:4] + b"\xff\xff\xff\xff" + b[8:]),
                             (labels, lambda b: b[:-1] + b"\x0a"), (labels, lambda b: gzip.compress(b)[:-9])):
            whole = file.read_bytes()
            file.write_bytes(change(whole))
            self.assertIn(file.name, self.refused("lenet", "--data", f"idx:{folder}"))
            file.write_bytes(whole)

    def test_unknown_names_are_refused_and_told_what_there_is(self):
        self.assertIn("lenet", self.refused("lennet", "--data", "synthetic"))
        self.assertIn("synthetic", self.refused("lenet", "--data", "synthetik"))
        self.assertIn("data:W", self.refused("lenet", "--data", "synthetic", "--strategy", "dada:2"))
        self.assertIn("auto", self.refused("lenet", "--data", "synthetic", "--strategy", "auto"))
        self.assertIn("reference", self.refused("lenet", "--data", "synthetic", "--backend", "cuda"))
        self.assertIn("--slots", self.refused("lenet", "--data", "synthetic", "--batch", "32", "--strategy", "data:3"))
        self.assertIn("--batch", self.refused("lenet", "--data", "synthetic", "--batch", "0"))
        self.assertIn("--lr", self.refused("lenet", "--data", "synthetic", "--lr", "-1"))

    def test_the_command_line_itself_is_refused_in_one_line(self):
        for words, expected in ((("trian",), "did you mean 'train'"), (("plan", "lenet"), "not in this version"),
                                ((), "subcommand"), (("train", "lenet"), "--data"),
                                (("train", "lenet", "--data", "synthetic", "--batch", "x"), "--batch"),
                                (("train", "lenet", "--data", "synthetic", "--chekpoint", "d"), "--chekpoint")):
            _, err = self.troupe(*words, code=2)
            self.assertEqual(len(err.splitlines()), 1, err)
            self.assertIn(expected, err)

    def trainers(self):
        """Pids of the workers."""
        return [pid for pid in processes_with(self.mark)
                if b"--troupe-role=worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def started(self, *more):
        process = self.start(*QUICK, "--strategy", "data:2", "--steps", "1000000", *more)
        wait_until("both trainers run", lambda: len(self.trainers()) == 2)
        return process

    def test_a_killed_trainer_ends_the_training_and_is_named(self):
        process = self.started()
        os.kill(self.trainers()[0], signal.SIGKILL)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, err)
        self.assertIn("trainer", err)
        self.assert_nothing_left()

    def test_interrupted_or_killed_it_leaves_nothing_behind(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
            process = self.started()
            process.send_signal(number)
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, code)
            self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main(verbosity=2)
