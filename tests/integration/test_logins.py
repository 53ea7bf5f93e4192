"""Brokers that want to know who we are, and prove who they are: passwords and certificates."""

import contextlib
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
for folder in ("e2e", "servers"):
    sys.path.insert(0, str(ROOT / "tests" / folder))

import servers  # noqa: E402  (the path comes first)
import wire  # noqa: E402
from proxy import Proxy  # noqa: E402
from service import Service, until  # noqa: E402

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


def kafka_listener(protocol, *lines):
    """server.properties that make the listener for proxies talk that protocol."""
    return "\n".join((
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
        f"PROXIED:{protocol}", *(f"listener.name.proxied.{line}" for line in lines)))


class Logins(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="millrace-logins-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        for name in ("ours", "foreign"):
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                 "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                 "-keyout", f"{name}.key", "-out", f"{name}.pem"],
                cwd=cls.directory, check=True, capture_output=True)

    def path(self, name):
        return str(self.directory / name)

    def expect(self, works, **settings):
        """An ingest that accepts a message, or one that isn't ready and gives nothing away."""
        service = Service("ingest", settings)
        self.addCleanup(service.discard)
        service.start(ready=False)
        if works:
            until("it is ready", service.is_ready, 15)
            answer = wire.request(service.port, "POST", "/ingest", b'{"source":"s","data":"x"}')
            self.assertEqual(answer.status, 200, answer)
        else:
            with contextlib.suppress(AssertionError):
                until("it is ready", service.is_ready, 3)
                self.fail("it is ready without the right login")
            why = wire.request(service.port, "GET", "/readyz").body.decode()
            self.assertIn("127.0.0.1", why)
            self.assertNotIn("s3cret", why + service.log())
        service.stop()

    def nats(self, config):
        server = servers.NatsServer(config=config)
        self.addCleanup(server.stop)
        server.start()
        return {"QUEUE_TYPE": "nats", "NATS_URL": server.url}

    def kafka(self, config):
        server = servers.KafkaServer(config=config)
        self.addCleanup(server.stop)
        server.start()
        proxy = Proxy(server.proxy_port, server.proxied_port)
        self.addCleanup(proxy.stop)
        proxy.start()
        return {"QUEUE_TYPE": "kafka", "KAFKA_BROKERS": f"127.0.0.1:{server.proxy_port}"}

    def test_a_token_at_nats(self):
        nats = self.nats('authorization { token: "s3cret" }')
        self.expect(True, **nats, NATS_TOKEN="s3cret")
        self.expect(False, **nats, NATS_TOKEN="s3crets")

    def test_tls_at_nats(self):
        nats = self.nats(f'tls {{ cert_file: "{self.path("ours.pem")}", '
                         f'key_file: "{self.path("ours.key")}" }}')
        self.expect(True, **nats, NATS_TLS_CA_FILE=self.path("ours.pem"))
        self.expect(False, **nats, NATS_TLS_CA_FILE=self.path("foreign.pem"))

    def test_a_password_at_kafka(self):
        kafka = self.kafka(kafka_listener(
            "SASL_PLAINTEXT", "sasl.enabled.mechanisms=PLAIN",
            f'plain.sasl.jaas.config={PLAIN} required user_us="s3cret";'))
        login = {"KAFKA_SECURITY_PROTOCOL": "sasl_plaintext", "KAFKA_SASL_USERNAME": "us"}
        self.expect(True, **kafka, **login, KAFKA_SASL_PASSWORD="s3cret")
        self.expect(False, **kafka, **login, KAFKA_SASL_PASSWORD="s3crets")

    def test_tls_at_kafka(self):
        both = self.directory / "keystore.pem"
        both.write_text(self.directory.joinpath("ours.key").read_text() +
                        self.directory.joinpath("ours.pem").read_text())
        kafka = self.kafka(kafka_listener("SSL", "ssl.keystore.type=PEM",
                                          f"ssl.keystore.location={both}"))
        login = {"KAFKA_SECURITY_PROTOCOL": "ssl"}
        self.expect(True, **kafka, **login, KAFKA_TLS_CA_FILE=self.path("ours.pem"))
        self.expect(False, **kafka, **login, KAFKA_TLS_CA_FILE=self.path("foreign.pem"))


if __name__ == "__main__":
    unittest.main()
