"""The gRPC door before each queue, with real brokers: what was acknowledged is worked off, whoever is
killed meanwhile."""

import pathlib
import sys
import time
import unittest
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
for folder in ("e2e", "servers"):
    sys.path.insert(0, str(ROOT / "tests" / folder))

import grpc  # noqa: E402  (the path comes first)

import servers  # noqa: E402
from grpc_client import CALL_S, Client, GrpcService, details_of, request  # noqa: E402
from service import Service, until  # noqa: E402


class Queues(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.nats, cls.kafka = servers.NatsServer(), servers.KafkaServer()
        for server in (cls.nats, cls.kafka):
            cls.addClassCleanup(server.stop)
            server.start()

    def start(self, queue, **more):
        name = "grpc-" + uuid.uuid4().hex
        settings = {"QUEUE_TYPE": queue, "COMPOSITE_PROVIDERS": "memory,nats,kafka",
                    "NATS_URL": self.nats.url, "NATS_STREAM": name, "NATS_SUBJECT": f"test.{name}",
                    "NATS_DLQ_STREAM": f"{name}-dlq", "KAFKA_BROKERS": self.kafka.address,
                    "KAFKA_TOPIC": name, "KAFKA_CONSUMER_GROUP": name, "QUEUE_SIZE": 100_000,
                    **more}
        self.processor = Service("processor", {**settings, "SINK": "file"})
        self.addCleanup(self.processor.discard)
        self.processor.start()
        self.server = GrpcService({**settings, "PROCESSOR_URL": self.processor.url})
        self.addCleanup(self.server.discard)
        self.server.start()
        self.client = Client(self.server.grpc_port)
        self.addCleanup(self.client.channel.close)

    def results(self):
        return {line["message_id"] for line in self.processor.file_lines("results.ndjson")}

    def test_each_queue(self):
        for queue in ("memory", "nats", "kafka", "composite"):
            with self.subTest(queue):
                self.start(queue)
                ids = {self.client.ingest(request(), timeout=CALL_S).message_id}
                for ack in self.client.acks(iter([request()] * 2000), timeout=3 * CALL_S):
                    self.assertEqual(ack.status, "accepted", ack)
                    ids.update(ack.message_ids)
                self.assertEqual(len(ids), 2001)
                ids.update(self.acknowledged_until_killed())
                until("all that was acknowledged is worked off",
                      lambda ids=ids: ids <= self.results(), 30)
                self.processor.stop()

    def acknowledged_until_killed(self):
        """What a client knows that was told so until the server was killed in the middle."""
        ids = []
        try:
            for ack in self.client.acks(iter([request()] * 50_000), timeout=6 * CALL_S):
                ids.extend(ack.message_ids)
                if len(ids) > 1000:
                    self.server.kill()
        except grpc.RpcError as error:
            self.assertEqual(error.code().name, "UNAVAILABLE", error)
        self.assertGreater(len(ids), 1000)
        self.assertLess(len(ids), 50_000)
        return ids

    def test_a_full_part_of_a_composite_is_waited_for(self):
        self.start("composite", COMPOSITE_PROVIDERS="memory,nats", QUEUE_SIZE=8,
                   PROCESSOR_WORKERS=1, HANDLER="faulty", REQUEST_TIMEOUT="20s")
        slow = request(metadata={"fault": "slow:20"})
        began = time.monotonic()
        ids = set()
        for ack in self.client.acks(iter([slow] * 100), timeout=3 * CALL_S):
            self.assertEqual(ack.status, "accepted", ack)
            ids.update(ack.message_ids)
        self.assertGreater(time.monotonic() - began, 1)
        self.assertEqual(len(ids), 100)
        until("all are worked off", lambda: ids == self.results(), 20)

    def test_a_broker_that_goes_and_comes(self):
        self.start("nats")
        self.assertEqual(self.client.serving(), "SERVING")
        self.nats.kill()
        try:
            until("it says so", lambda: self.client.serving() == "NOT_SERVING", 15)
            with self.assertRaises(grpc.RpcError) as raised:
                self.client.ingest(request(), timeout=CALL_S)
            self.assertEqual(raised.exception.code().name, "UNAVAILABLE", raised.exception)
            self.assertIn("RetryInfo", details_of(raised.exception))
        finally:
            self.nats.start()
        until("it serves again", lambda: self.client.serving() == "SERVING", 15)
        accepted = self.client.ingest(request(), timeout=CALL_S).message_id
        until("it is worked off", lambda: accepted in self.results(), 15)


if __name__ == "__main__":
    unittest.main()
