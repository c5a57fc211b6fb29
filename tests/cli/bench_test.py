#!/usr/bin/env python3
"""The measurements of `troupe bench`: their names, keys and units, in short windows. How fast anything is, is not asked.

    bench_test.py TROUPE [unittest options]
"""

import json
import unittest

from cluster_case import ClusterCase

SHORT = ["--window-ms", "20", "--runs", "1", "--callers", "1"]
SHORT_SYNC = ["--window-ms", "200"]  # Each starts processes, which have to be up before all windows are over.

# What scripts ask for by name, with its unit.
NAMES = {
    "calls": {"1_1_actor_calls_sync": "1/s", "1_1_actor_calls_async": "1/s", "1_1_actor_calls_concurrent": "1/s",
              "1_1_async_actor_calls_sync": "1/s", "1_1_async_actor_calls_async": "1/s",
              "1_1_async_actor_calls_with_args_async": "1/s", "1_n_async_actor_calls_async": "1/s",
              "n_n_async_actor_calls_async": "1/s",
              "1_n_actor_calls_async": "1/s", "n_n_actor_calls_async": "1/s", "n_n_actor_calls_with_arg_async": "1/s"},
    "tasks": {"single_client_tasks_sync": "1/s", "single_client_tasks_async": "1/s",
              "single_client_tasks_and_get_batch": "1/s", "single_client_wait_1k_refs": "1/s",
              "multi_client_tasks_async": "1/s", "single_client_tasks_sync_durable": "1/s",
              "single_client_tasks_async_durable": "1/s"},
    "objects": {"single_client_put_calls": "1/s", "single_client_get_calls": "1/s", "multi_client_put_calls": "1/s",
                "single_client_put_gigabytes": "GB/s", "memcpy_gigabytes": "GB/s",
                "multi_client_put_gigabytes": "GB/s", "single_client_get_object_containing_10k_refs": "1/s"},
    "graph": {"dense_graph_20x100": "tasks/s", "dense_graph_20x500": "tasks/s", "independent_100k_durable": "tasks/s",
              "independent_100k": "tasks/s", "chain_2000": "tasks/s", "barrier_10k_x_10k": "tasks/s",
              "metg_stencil_1d": "us"},
    "store": {"durable_changes": "1/s", "bare_pipelined_hset": "1/s"},
    "scheduler": {"core_decisions_1k_queued": "1/s", "core_decisions_1m_queued": "1/s", "core_bytes_per_task": "bytes",
                  "placement_group_create_removal": "1/s"},
    "sync": {"lock_grants": "1/s", "queue_messages": "1/s", "barrier_rounds": "1/s"},
    "start": {"local_cluster_first_answer": "ms", "local_cluster_whole": "ms", "idle_cluster_pss": "MB",
              "idle_cluster_cpu": "percent", "actors_1000_shared": "s", "actor_processes": "1/s",
              "actor_restart": "ms"},
    "train": {"step_lenet_b100_single": "ms", "images_lenet_b100_single": "1/s"},
}

# Those that take long, however short a window is.
LONG = {"multi_client_tasks_async", "dense_graph_20x500", "independent_100k", "independent_100k_durable",
        "barrier_10k_x_10k", "core_decisions_1k_queued", "core_decisions_1m_queued", "core_bytes_per_task",
        "durable_changes", "bare_pipelined_hset", "idle_cluster_pss", "idle_cluster_cpu",
        "single_client_put_gigabytes", "memcpy_gigabytes", "multi_client_put_gigabytes"}

WAITED_FOR_ONE_BY_ONE = {"1_1_actor_calls_sync", "1_1_async_actor_calls_sync", "single_client_tasks_sync", "single_client_tasks_sync_durable",
                         "actor_restart"}


class Bench(ClusterCase):
    def measure(self, suite, *options, how=SHORT, windows=4):
        """All short ones of a suite."""
        wanted = {name: unit for name, unit in NAMES[suite].items() if name not in LONG}
        out, err = self.troupe("bench", suite, "--only", ",".join(wanted), *how, "--format", "json", *options)
        found = {}
        for line in out.splitlines():
            row = json.loads(line)
            with self.subTest(row["name"]):
                self.assertEqual(row["suite"], suite)
                self.assertEqual(row["unit"], wanted[row["name"]])
                self.assertNotIn(row["name"], found)
                self.assertGreater(row["value"], 0)
                self.assertLessEqual(row["min"], row["value"])
                self.assertLessEqual(row["min"], row["median"])
                self.assertLessEqual(row["value"], row["max"])
                self.assertLessEqual(row["median"], row["max"])
                self.assertGreaterEqual(row["sd"], 0)
                is_windowed = row["unit"] in ("1/s", "GB/s") and suite not in ("start", "train")
                self.assertEqual(row["runs"], windows if is_windowed else 1)
                if row["runs"] == 1:
                    self.assertEqual((row["sd"], row["value"]), (0, row["median"]))
                self.assertEqual("p50_us" in row, row["name"] in WAITED_FOR_ONE_BY_ONE)
                if "p50_us" in row:
                    self.assertGreater(row["p50_us"], 0)
                    self.assertLessEqual(row["p50_us"], row["p99_us"])
            found[row["name"]] = row
        self.assertEqual(set(found), set(wanted))
        self.assertTrue(all(line.startswith((suite + ":", "  ")) for line in err.splitlines()), err)
        self.assertIn(suite + ":", err)
        return found, err

    def test_every_measurement_that_scripts_ask_for_is_there(self):
        listed = {(row["suite"], row["name"]) for row in self.json_lines("bench", "--list")}
        self.assertEqual({(suite, name) for suite, names in NAMES.items() for name in names} - listed, set())
        some = self.json_lines("bench", "tasks", "--list")
        self.assertEqual({row["suite"] for row in some}, {"tasks"})

    def test_what_does_not_exist_is_refused_before_anything_starts(self):
        for arguments, words in [
                (["--only", "single_client_task_sync"], "did you mean 'single_client_tasks_sync'?"),
                (["tasks", "--only", "single_client_tasks_sync,lock_grants"], "found 'lock_grants'"),
                (["taks"], "taks"),
                (["--window-ms", "0"], "--window-ms"),
                (["--runs", "0"], "--runs"),
                (["--callers", "65"], "--callers"),
                (["calls", "--cluster", "/no/such/file"], "/no/such/file"),
                (["start", "--cluster", "/no/such/file"], "leave it out"),
                (["--only", "core_decisions_1k_queued", "--cluster", "/no/such/file"], "leave it out")]:
            with self.subTest(arguments):
                out, err = self.troupe("bench", *arguments, code=2)
                self.assertEqual(out, "")
                self.assertIn(words, err)
                self.assertEqual(len(err.splitlines()), 1, err)

    def test_calls(self):
        self.measure("calls")
        self.assert_nothing_left()

    def test_tasks(self):
        _, err = self.measure("tasks")
        self.assertIn("multi_client: 1 actors submit", err)

    def test_four_clients_submit_unless_something_else_is_said(self):
        _, err = self.troupe("bench", "--only", "single_client_tasks_sync", "--window-ms", "1")
        self.assertIn("multi_client: 4 actors submit", err)

    def test_objects(self):
        _, err = self.measure("objects")
        self.assertIn("in-process shortcuts", err)

    def test_graph(self):
        _, err = self.measure("graph")
        self.assertIn("metg_stencil_1d: graphs 1, width 4, steps 10", err)

    def test_every_shape_of_metg_checks_its_points(self):
        names = [row["name"] for row in self.json_lines("bench", "graph", "--list") if row["name"].startswith("metg_")]
        self.assertGreater(len(names), 4)
        rows = self.json_lines("bench", "--only", ",".join(names), "--window-ms", "5", "--runs", "1")
        self.assertEqual([row["name"] for row in rows], names)
        self.assertTrue(all(row["value"] > 0 and row["unit"] == "us" for row in rows), rows)

    def test_start(self):
        self.measure("start")
        self.assert_nothing_left()

    def test_sync(self):
        self.measure("sync", how=SHORT_SYNC, windows=5)

    def test_train(self):
        self.measure("train")

    def test_the_rest_of_scheduler(self):
        self.measure("scheduler")

    def test_a_cluster_that_is_given_is_measured(self):
        self.troupe("start", "--name", "wide", "--cpus", "3", "--resource", "custom=1")
        self.troupe("start", "--name", "narrow", "--cpus", "1")
        clusters = self.folder / "state" / "troupe" / "clusters"
        wide, narrow = (str(clusters / name / "cluster.json") for name in ("wide", "narrow"))
        for suite in ("calls", "tasks", "sync"):
            name = next(iter(NAMES[suite]))
            out, err = self.troupe("bench", "--only", name, *SHORT, "--cluster", wide)
            self.assertIn(name, out)
            self.assertIn(f"on the cluster of {clusters}/wide", err)
        _, err = self.measure("scheduler", "--cluster", wide)
        self.assertIn("nodes 1, cpus 3", err)
        _, err = self.troupe("bench", "--only", "placement_group_create_removal", *SHORT, "--cluster", narrow, code=2)
        self.assertIn("no node has the resource 'custom'", err)
        self.troupe("bench", "--only", "chain_2000", *SHORT, "--cluster", narrow)
        self.assertEqual({row["graph"] for row in self.json_lines("list", "graphs", "--cluster", narrow)}, {"bench"})
        self.assertEqual(self.json_lines("list", "graphs", "--cluster", wide), [])
        # What starts its own clusters is left out where it comes with a suite, and says so.
        _, err = self.troupe("bench", "scheduler", *SHORT, "--cluster", wide)
        self.assertIn("without core_decisions_1k_queued", err)


if __name__ == "__main__":
    unittest.main()
