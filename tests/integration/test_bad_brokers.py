"""Brokers that don't let us in, or don't take what we send: said clearly, and nothing is accepted."""

import json
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
for folder in ("e2e", "servers"):
    sys.path.insert(0, str(ROOT / "tests" / folder))

import servers  # noqa: E402  (the path comes first)
import wire  # noqa: E402
from service import Service, free_port, until  # noqa: E402

NO_STREAMS = """
authorization { users = [
  { user: sender, password: "pass-word", permissions: { publish: { deny: "$JS.API.STREAM.CREATE.>" } } }
] }
"""


class BadBrokers(unittest.TestCase):
    def broker(self, make, **options):
        server = make(**options)
        self.addCleanup(server.stop)
        server.start()
        return server

    def ingest(self, ready=False, **settings):
        service = Service("ingest", settings)
        self.addCleanup(service.discard)
        return service.start(ready=ready)

    def expect_not_ready(self, service, *words):
        """Says why within moments, and refuses what is sent."""
        def why():
            answer = wire.request(service.port, "GET", "/readyz")
            text = answer.body.decode()
            return answer.status == 503 and all(word in text for word in words) and text
        text = until(f"/readyz says {words}", why, 10)
        answer = wire.request(service.port, "POST", "/ingest", b'{"source":"s","data":"x"}')
        self.assertEqual(answer.status, 503, answer)
        self.assertEqual(answer.header("Retry-After"), "1")
        self.assertNotIn("pass-word", text + service.log())

    def test_a_wrong_password(self):
        nats = self.broker(servers.NatsServer,
                           config='authorization { user: a, password: "right" }')
        self.expect_not_ready(
            self.ingest(QUEUE_TYPE="nats", NATS_URL=nats.url, NATS_USER="a",
                        NATS_PASSWORD="pass-word"), nats.address, "uthorization")

    def test_no_permission_to_create_the_stream(self):
        nats = self.broker(servers.NatsServer, config=NO_STREAMS)
        self.expect_not_ready(
            self.ingest(QUEUE_TYPE="nats", NATS_URL=nats.url, NATS_USER="sender",
                        NATS_PASSWORD="pass-word"), "DIPLOM_STREAM")

    def test_a_login_that_kafka_does_not_know(self):
        kafka = self.broker(servers.KafkaServer)
        self.expect_not_ready(
            self.ingest(QUEUE_TYPE="kafka", KAFKA_BROKERS=kafka.address,
                        KAFKA_SECURITY_PROTOCOL="sasl_plaintext", KAFKA_SASL_USERNAME="a",
                        KAFKA_SASL_PASSWORD="pass-word"), kafka.address, "SASL")

    def test_a_broker_that_is_not_there(self):
        port = free_port()
        self.expect_not_ready(
            self.ingest(QUEUE_TYPE="kafka", KAFKA_BROKERS=f"127.0.0.1:{port}"),
            f"127.0.0.1:{port}", "refused")
        self.expect_not_ready(
            self.ingest(QUEUE_TYPE="composite", COMPOSITE_PROVIDERS="memory,nats",
                        NATS_URL=f"nats://127.0.0.1:{port}"), "composite: ")

    def test_a_message_larger_than_the_broker_takes(self):
        nats = self.broker(servers.NatsServer, config="max_payload: 200000")
        kafka = self.broker(servers.KafkaServer)
        common = {"NATS_URL": nats.url, "KAFKA_BROKERS": kafka.address}
        for queue, size in (("nats", 200_000), ("kafka", 1_000_000), ("composite", 200_000)):
            with self.subTest(queue=queue):
                service = self.ingest(ready=True, QUEUE_TYPE=queue, **common)
                body = json.dumps({"source": "s", "data": "x" * size}).encode()
                answer = wire.request(service.port, "POST", "/ingest", body)
                self.assertEqual(answer.status, 413, answer)
                self.assertRegex(answer.body.decode(), r"the message has \d+ bytes")
                small = wire.request(service.port, "POST", "/ingest", b'{"source":"s","data":"x"}')
                self.assertEqual(small.status, 200, small)


if __name__ == "__main__":
    unittest.main()
