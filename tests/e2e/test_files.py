"""The files of results and dead letters taken away, rotated, full, locked or hanging: nothing accepted
is lost without being told, and nothing holds the process up.
"""

import fcntl
import os
import signal
import unittest

import wire
from harness import ANSWER_S, Stack, until, within
from load import Load
from test_faults import FAULTY, post


class Files(unittest.TestCase):
    def test_sighup_under_load(self):
        with Stack(processor={**FAULTY, "MAX_ATTEMPTS": 1}).running() as stack:
            processor = stack.processor
            with Load(stack.gateway.port, metadata=lambda number: {
                    "fault": "reject"} if number % 10 == 0 else {}) as load:
                until("there are results", processor.result_ids)
                processor.send_signal(signal.SIGHUP)  # of somebody who took nothing away
                processor.until_logged("reopening files")
                for turn in range(3):
                    for name in ("results", "dead-letters"):
                        path = processor.directory / f"{name}.ndjson"
                        until(f"there are {name}", lambda path=path: path.stat().st_size > 0)
                        path.rename(processor.directory / f"{name}.{turn}.ndjson")
                    processor.send_signal(signal.SIGHUP)
                    for name in ("results", "dead-letters"):
                        path = processor.directory / f"{name}.ndjson"
                        until(f"there is a new file of {name}", path.exists)
            stack.stop_services()
            self.assertEqual(len(processor.logged("reopening files")), 4)
            load.expect_kept(processor.result_ids("results*.ndjson"))
            rejected = [message_id for message_id, number in load.accepted.items()
                        if number % 10 == 0]
            letters = [letter["id"] for letter in processor.dead_letters("dead-letters*.ndjson")]
            self.assertEqual(sorted(letters), sorted(rejected))

    def test_rotation_by_size_under_load(self):
        bytes_max = 32 * 1024
        settings = {"SINK": "file", "SINK_FILE_MAX_BYTES": bytes_max}
        with Stack(processor=settings).running() as stack:
            with Load(stack.gateway.port, limit=1500) as load:
                pass
            stack.stop_services()
            files = list(stack.processor.directory.glob("results.ndjson*"))
            self.assertGreaterEqual(len(files), 4)
            self.assertEqual(len(stack.processor.logged("file rotated")), len(files) - 1)
            for path in files:
                self.assertLessEqual(path.stat().st_size, bytes_max)
                self.assertTrue(path.read_bytes().endswith(b"}\n"), path)
            load.expect_kept(stack.processor.result_ids("results.ndjson*"))

    def test_full_disk(self):
        settings = {"SINK": "file", "SINK_FILE": "/dev/full", "SHUTDOWN_TIMEOUT": "400ms"}
        with Stack(processor=settings).running() as stack:
            ids = [post(stack) for _ in range(20)]
            entry = stack.processor.until_logged("write failed, nothing is settled")[0]
            self.assertIn("No space left", entry["error"])
            self.assertGreaterEqual(
                stack.processor.metrics()["millrace_sink_write_failures_total"], 1)
            self.assertEqual(stack.pool_stats()["processed"], 0)
            health = wire.request(stack.processor.port, "GET", "/health")
            self.assertEqual(health.status, 503)
            self.assertIn("No space left", health.json()["error"])
            stack.processor.send_signal(signal.SIGTERM)
            with within(0.4 + 0.5 + ANSWER_S):
                stack.processor.expect_stopped(1)
            letters = [letter["id"] for letter in stack.processor.dead_letters()]
            self.assertEqual(sorted(letters), sorted(ids))

    def test_a_file_that_somebody_else_keeps_locked(self):
        settings = {"SINK": "file", "SHUTDOWN_TIMEOUT": "400ms"}
        with Stack(processor=settings).running() as stack:
            processor = stack.processor
            with (processor.directory / "results.ndjson").open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                ids = [post(stack) for _ in range(20)]
                processor.until_logged("write failed, nothing is settled")
                processor.send_signal(signal.SIGHUP)
                processor.send_signal(signal.SIGTERM)
                with within(0.4 + 0.5 + ANSWER_S):
                    processor.expect_stopped(1)
            letters = [letter["id"] for letter in processor.dead_letters()]
            self.assertEqual(sorted(letters), sorted(ids))

    def test_a_file_whose_writes_never_end(self):
        """A pipe that nobody reads: a worker is caught in it, which must not catch the process."""
        settings = {"SINK": "file", "SHUTDOWN_TIMEOUT": "400ms", "PROCESSOR_WORKERS": 2}
        stack = Stack(processor=settings)
        os.mkfifo(stack.processor.directory / "results.ndjson")
        with stack.running():
            processor = stack.processor
            ids = [post(stack, data="x" * 65536) for _ in range(4)]
            until("all workers are caught", lambda: stack.pool_stats()["busy"] == 2)
            processor.send_signal(signal.SIGHUP)
            processor.until_logged("reopening files")
            processor.send_signal(signal.SIGTERM)
            with within(0.4 + 0.5 + 2 + ANSWER_S):
                processor.expect_stopped(1)
            (entry,) = processor.logged("not drained in time")
            letters = {letter["id"] for letter in processor.dead_letters()}
            self.assertEqual(letters, letters & set(ids))
            self.assertGreaterEqual(entry["lost"] + len(letters), len(ids), "a loss isn't told")

    def test_the_last_resort(self):
        """Not even the dead letters can be written: the process is gone in time all the same."""
        settings = {**FAULTY, "SHUTDOWN_TIMEOUT": "400ms", "PROCESSOR_WORKERS": 1}
        stack = Stack(processor=settings)
        os.mkfifo(stack.processor.directory / "dead-letters.ndjson")
        with stack.running():
            processor = stack.processor
            for _ in range(4):
                post(stack, "reject", data="x" * 65536)
            until("the worker is caught", lambda: stack.pool_stats()["busy"] == 1)
            processor.send_signal(signal.SIGTERM)
            with within(0.4 + 2 + ANSWER_S):
                processor.expect_stopped(1)
            self.assertEqual(len(processor.logged("left by force")), 1)


if __name__ == "__main__":
    unittest.main()
