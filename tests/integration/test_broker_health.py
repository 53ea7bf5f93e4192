"""What the services say of their health while a broker is there, is away, and has more than is
worked off.
"""

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
from service import Service, good_body, until  # noqa: E402

NDJSON = {"Content-Type": "application/x-ndjson"}

def component(service, name):
    (found,) = [one for one in service.health()["components"] if one["name"] == name]
    return found


class BrokerHealth(unittest.TestCase):
    def setUp(self):
        self.nats = servers.NatsServer()
        self.addCleanup(self.nats.stop)
        self.nats.start()
        name = "health-" + uuid.uuid4().hex
        self.common = {"NATS_URL": self.nats.url, "NATS_STREAM": name,
                       "NATS_SUBJECT": f"test.{name}", "NATS_DLQ_STREAM": f"{name}-dlq"}

    def start(self, name, **settings):
        service = Service(name, {**self.common, **settings})
        self.addCleanup(service.discard)
        return service.start()

    def start_composite(self, strategy):
        settings = {"QUEUE_TYPE": "composite", "COMPOSITE_PROVIDERS": "memory,nats",
                    "COMPOSITE_STRATEGY": strategy}
        processor = self.start("processor", **settings)
        return processor, self.start("ingest", PROCESSOR_URL=processor.url, **settings)

    def expect(self, service, state, *words):
        """Its queue is soon in that state, for a reason with these words."""
        def found():
            queue = component(service, "queue")
            return (queue["status"] == state and
                    all(word in queue.get("reason", "") for word in words))
        until(f"the queue of {service.name} is {state}, with {words}", found, 15)
        health = service.health()
        self.assertEqual(health["healthy"], state != "unhealthy")
        self.assertEqual(service.healthcheck().returncode, 1 if state == "unhealthy" else 0)

    def connected(self, service, provider):
        return service.metrics().total("millrace_queue_connected", provider=provider)

    def test_a_broker_that_goes_away(self):
        services = [self.start(name, QUEUE_TYPE="nats") for name in ("processor", "ingest")]
        for service in services:
            self.expect(service, "healthy")
            self.assertEqual(self.connected(service, "nats"), 1)
        self.nats.kill()
        for service in services:
            self.expect(service, "unhealthy", self.nats.address)
            self.assertEqual(self.connected(service, "nats"), 0)
        self.nats.start()
        for service in services:
            self.expect(service, "healthy")

    def test_a_lag(self):
        processor = self.start("processor", QUEUE_TYPE="nats", HANDLER="faulty",
                               PROCESSOR_WORKERS=1, HEALTH_LAG_WARNING=5, HEALTH_LAG_UNHEALTHY=10)
        ingest = self.start("ingest", QUEUE_TYPE="nats", NATS_FRAME_MESSAGES=1)
        self.assertEqual(component(processor, "lag")["status"], "healthy")
        self.assertEqual(component(processor, "queue_depth")["status"], "healthy")
        for state in ("warning", "unhealthy"):
            def posted_until(state=state):
                slow = good_body(metadata={"fault": "slow:60000"})
                self.assertEqual(ingest.post(slow).status, 200)
                return component(processor, "lag")["status"] == state
            until(f"the lag is {state}", posted_until, 15)
            self.assertIn("messages wait", component(processor, "lag")["reason"])
            self.assertEqual(processor.probe("/readyz"), 200)

    def start_held_up(self, **settings):
        """A processor that finishes nothing, and an ingest beside it."""
        settings = {"QUEUE_TYPE": "nats", **settings}
        processor = self.start("processor", HANDLER="faulty", PROCESSOR_WORKERS=1, **settings)
        return processor, self.start("ingest", **settings)

    def test_a_stream_that_is_full_by_its_bytes(self):
        processor, ingest = self.start_held_up(NATS_MAX_BYTES=100_000, NATS_MAX_MESSAGES=0)
        self.assertEqual(component(processor, "queue_depth")["status"], "healthy")
        slow = good_body(data="x" * 2000, metadata={"fault": "slow:60000"})
        until("the stream refuses more", lambda: ingest.post(slow).status == 503, 15)
        until("the processor says that it is full",
              lambda: component(processor, "queue_depth")["status"] == "unhealthy", 15)
        depth = component(processor, "queue_depth")
        self.assertRegex(depth["reason"], r"^full \(\d+ of 100000 bytes\)$")
        self.assertEqual(depth["bytes_max"], 100_000)
        self.assertEqual(processor.healthcheck().returncode, 1)

    def test_a_frame_in_work_does_not_fill_a_stream_of_few(self):
        processor, ingest = self.start_held_up(NATS_MAX_MESSAGES=20)
        slow = json.dumps({"source": "e2e", "data": "d", "metadata": {"fault": "slow:60000"}})
        answer = wire.request(ingest.port, "POST", "/ingest/batch", (slow + "\n").encode() * 200,
                              NDJSON)
        self.assertEqual(answer.status, 200, answer.body[:500])
        until("the messages are fetched", lambda: component(processor, "lag")["messages"] > 100, 15)

        def known():
            depth = component(processor, "queue_depth")
            self.assertEqual(depth["status"], "healthy", depth)
            return 0 < depth["messages"] < 20
        until("the stream's own count is known", known, 15)
        self.assertEqual(component(processor, "queue_depth")["capacity"], 20)

    def test_a_composite_that_needs_one(self):
        processor, ingest = self.start_composite("best-effort")
        for service in (processor, ingest):
            self.expect(service, "healthy")
        self.nats.kill()
        for service in (processor, ingest):
            self.expect(service, "warning", "nats: ")
            self.assertEqual(self.connected(service, "nats"), 0)
            self.assertEqual(self.connected(service, "memory"), 1)
        processor.kill()
        self.expect(ingest, "unhealthy", "nats: ", "memory: ")

    def test_a_composite_that_needs_all(self):
        processor, ingest = self.start_composite("fail-fast")
        self.nats.kill()
        self.expect(ingest, "unhealthy", "nats: ")
        # It works off what the other has.
        self.expect(processor, "warning", "nats: ")
        self.nats.start()
        for service in (processor, ingest):
            self.expect(service, "healthy")
        processor.kill()
        self.expect(ingest, "unhealthy", "memory: ")
        processor.start()
        self.expect(ingest, "healthy")
        self.assertEqual(ingest.post().status, 200)


if __name__ == "__main__":
    unittest.main()
