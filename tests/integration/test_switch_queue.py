"""`make switch-queue` on a checkout of its own, with a real broker: nothing accepted is left behind."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
for folder in ("e2e", "servers"):
    sys.path.insert(0, str(ROOT / "tests" / folder))

import servers  # noqa: E402  (the path comes first)
import wire  # noqa: E402
from service import clean_environment, free_port, until  # noqa: E402

SERVICES = ("api-gateway", "grpc-server", "ingest", "processor")


def is_ready(port):
    with contextlib.suppress(OSError, wire.WireError):
        return wire.request(port, "GET", "/readyz").status == 200
    return False


class SwitchQueue(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.nats = servers.NatsServer()
        cls.addClassCleanup(cls.nats.stop)
        cls.nats.start()

    def setUp(self):
        self.checkout = pathlib.Path(tempfile.mkdtemp(prefix="millrace-switch-"))
        self.addCleanup(shutil.rmtree, self.checkout, ignore_errors=True)
        shutil.copytree(ROOT / "scripts", self.checkout / "scripts")
        (self.checkout / "bin").mkdir()
        for service in SERVICES:
            (self.checkout / "bin" / service).symlink_to(
                pathlib.Path(os.environ["MILLRACE_BIN"]).resolve() / service)
        self.ports = {name: free_port() for name in (
            "API_PORT", "INGEST_PORT", "PROCESSOR_PORT", "GRPC_PORT", "GRPC_METRICS_PORT")}
        name = "switch-" + self.checkout.name
        self.write_env({**self.ports, "NATS_URL": self.nats.url,
                        "NATS_STREAM": name, "NATS_SUBJECT": f"{name}.messages",
                        "NATS_DLQ_STREAM": f"{name}-dlq", "HANDLER": "faulty", "SINK": "file",
                        "QUEUE_TYPE": "memory"})
        self.environment = clean_environment()
        self.runner = None

    def tearDown(self):
        if self.runner is not None:
            self.stop_runner()

    def write_env(self, settings):
        (self.checkout / ".env").write_text(
            "# mine\n" + "".join(f"{name}={value}\n" for name, value in settings.items()))

    def queue_in_env(self):
        lines = (self.checkout / ".env").read_text().splitlines()
        self.assertEqual(lines[0], "# mine")
        return [line for line in lines if line.startswith("QUEUE_TYPE")]

    def start_runner(self):
        self.runner = subprocess.Popen(
            ["scripts/run_local.sh"], cwd=self.checkout, env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = []
        for line in self.runner.stdout:
            said.append(line)
            if "Millrace runs" in line:
                return
        self.fail("run-local ended:\n" + "".join(said))

    def stop_runner(self):
        runner, self.runner = self.runner, None
        runner.send_signal(signal.SIGTERM)
        output, _ = runner.communicate(timeout=30)
        self.assertEqual(runner.returncode, 0, output)

    def switch(self, queue, timeout_s=30):
        return subprocess.run(
            ["scripts/switch_queue.sh", queue], cwd=self.checkout, timeout=60, text=True,
            capture_output=True, check=False,
            env={**self.environment, "SWITCH_TIMEOUT": str(timeout_s)})

    def post(self, count, slow_ms=0):
        """All of them must be accepted."""
        ids = set()
        for number in range(count):
            body = {"source": f"s{number}", "data": "x"}
            if slow_ms:
                body["metadata"] = {"fault": f"slow:{slow_ms}"}
            answer = wire.request(self.ports["API_PORT"], "POST", "/api/v1/ingest",
                                  json.dumps(body).encode())
            self.assertEqual(answer.status, 200, answer)
            ids.add(answer.json()["messageId"])
        return ids

    def worked_off(self):
        try:
            lines = (self.checkout / "results.ndjson").read_text().splitlines()
        except FileNotFoundError:
            return []
        return sorted(json.loads(line)["message_id"] for line in lines)

    def test_while_it_runs(self):
        self.start_runner()
        accepted = self.post(100, slow_ms=20)
        done = self.switch("nats")
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("switched from memory to nats", done.stdout)
        self.assertEqual(self.queue_in_env(), ["QUEUE_TYPE=nats"])
        self.assertEqual(self.worked_off(), sorted(accepted))

        accepted |= self.post(40, slow_ms=500)
        refused = self.switch("memory", timeout_s=1)
        self.assertEqual(refused.returncode, 1, refused)
        self.assertRegex(refused.stdout, r"[1-9]\d* messages or more remain in the old queue")
        self.assertEqual(self.queue_in_env(), ["QUEUE_TYPE=nats"])
        accepted |= self.post(1)  # it goes on as before

        done = self.switch("memory")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(self.worked_off(), sorted(accepted))
        self.assertIn("memory already", self.switch("memory").stdout)

    def test_what_is_not_there_is_not_switched_to(self):
        self.start_runner()
        bad = self.switch("rabbit")
        self.assertEqual(bad.returncode, 1)
        self.assertIn("'rabbit' is no queue", bad.stderr)
        (self.checkout / ".env").write_text(
            (self.checkout / ".env").read_text() + "KAFKA_BROKERS=127.0.0.1:1\n")
        gone = self.switch("kafka")
        self.assertEqual(gone.returncode, 1, gone)
        self.assertIn("not ready with kafka: back to memory", gone.stdout)
        accepted = self.post(3)
        until("they are worked off", lambda: self.worked_off() == sorted(accepted))

    def test_while_nothing_runs(self):
        self.start_runner()
        self.assertEqual(self.switch("nats").returncode, 0)
        processor = wire.request(self.ports["PROCESSOR_PORT"], "GET", "/stats").json()
        self.assertEqual(processor["queue"]["type"], "nats")
        self.post(1)
        self.stop_runner()
        before = self.worked_off()
        with subprocess.Popen(["bin/ingest"], cwd=self.checkout, env=self.environment,
                              stderr=subprocess.DEVNULL) as ingest:
            port = self.ports["INGEST_PORT"]
            until("ingest is ready", lambda: is_ready(port))
            ids = {wire.request(port, "POST", "/ingest",
                                b'{"source":"s","data":"x"}').json()["messageId"]
                   for _ in range(20)}
            ingest.terminate()
        done = self.switch("memory")
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("starting a processor", done.stdout)
        self.assertEqual(self.worked_off(), sorted([*before, *ids]))
        self.assertEqual(self.queue_in_env(), ["QUEUE_TYPE=memory"])


if __name__ == "__main__":
    unittest.main()
