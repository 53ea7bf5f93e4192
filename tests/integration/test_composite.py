"""A composite with the processor's own memory in it: each message in both, worked off once."""

import json
import pathlib
import sys
import unittest
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
for folder in ("e2e", "servers"):
    sys.path.insert(0, str(ROOT / "tests" / folder))

import servers  # noqa: E402  (the path comes first)
import wire  # noqa: E402
from service import Service, until  # noqa: E402


class CompositeWithMemory(unittest.TestCase):
    def start(self, strategy):
        self.nats = servers.NatsServer()
        self.addCleanup(self.nats.stop)
        self.nats.start()
        name = "composite-" + uuid.uuid4().hex
        common = {"QUEUE_TYPE": "composite", "COMPOSITE_PROVIDERS": "memory,nats",
                  "COMPOSITE_STRATEGY": strategy, "NATS_URL": self.nats.url, "NATS_STREAM": name,
                  "NATS_SUBJECT": f"test.{name}", "NATS_DLQ_STREAM": f"{name}-dlq"}
        self.processor = Service("processor", {**common, "SINK": "file", "HANDLER": "faulty"})
        self.addCleanup(self.processor.discard)
        self.processor.start()
        self.ingest = Service("ingest", {**common, "PROCESSOR_URL": self.processor.url})
        self.addCleanup(self.ingest.discard)
        self.ingest.start()

    def post(self, body=b'{"source":"s","data":"x"}'):
        return wire.request(self.ingest.port, "POST", "/ingest", body)

    def accepted(self, count, body=b'{"source":"s","data":"x"}'):
        ids = []
        for _ in range(count):
            answer = self.post(body)
            self.assertEqual(answer.status, 200, answer)
            ids.append(answer.json()["messageId"])
        return sorted(ids)

    def results(self):
        return sorted(line["message_id"] for line in self.processor.file_lines("results.ndjson"))

    def providers(self, service):
        return wire.request(service.port, "GET", "/stats").json()["queue"]["composite_stats"]

    def test_each_id_once(self):
        self.start("fail-fast")
        ids = self.accepted(100)
        until("all are worked off", lambda: self.results() == ids)
        until("both copies are settled", lambda: all(
            self.providers(self.processor)[name]["acked"] == 100 for name in ("memory", "nats")))
        self.assertEqual(self.results(), ids)
        published = self.providers(self.ingest)
        self.assertEqual({name: part["stored"] for name, part in published.items()},
                         {"memory": 100, "nats": 100})
        metrics = self.ingest.metrics()
        self.assertEqual(metrics.total("millrace_composite_stored_total", provider="nats"), 100)
        self.assertEqual(metrics.total("millrace_composite_provider_up"), 2)

    def test_dead_letters_are_listed_once_and_replayed(self):
        self.start("fail-fast")
        ids = self.accepted(3, b'{"source":"s","data":"x","metadata":{"fault":"reject"}}')
        listed = until("they are dead letters", lambda: sorted(
            letter["id"] for letter in self.processor.get_json("/dlq")["deadLetters"]) == ids)
        self.assertTrue(listed)
        self.processor.stop()
        self.processor.settings["HANDLER"] = "passthrough"
        self.processor.start()
        # Just started, it may still be connecting to the broker that has the letters.
        until("they are replayed", lambda: wire.request(
            self.processor.port, "POST", "/dlq/replay", b'{"all":true}').status == 200)
        good = lambda: sorted(line["message_id"]  # noqa: E731
                              for line in self.processor.file_lines("results.ndjson")
                              if line["success"])
        until("they are worked off", lambda: good() == ids)
        self.assertEqual(self.processor.get_json("/dlq")["deadLetters"], [])

    def test_best_effort_without_the_broker(self):
        self.start("best-effort")
        self.nats.kill()
        ids = self.accepted(20)
        until("all are worked off", lambda: self.results() == ids)
        # One that is on its way gets no answer until its deadline.
        until("what is missing is counted",
              lambda: self.providers(self.ingest)["nats"]["missing"] == 20, 20)
        self.assertFalse(self.providers(self.ingest)["nats"]["healthy"])

    def test_fail_fast_without_the_broker(self):
        self.start("fail-fast")
        self.nats.kill()
        # One that is on its way gets no answer until its deadline.
        until("it is refused", lambda: self.post().status == 503, 20)
        self.assertIn("composite: nats", self.post().body.decode())
        before = len(self.results())
        self.nats.start()
        until("it is accepted again", lambda: self.post().status == 200)
        until("it is worked off", lambda: len(self.results()) == before + 1)
        self.assertNotIn("error", json.dumps(wire.request(
            self.ingest.port, "GET", "/readyz").body.decode()))


if __name__ == "__main__":
    unittest.main()
