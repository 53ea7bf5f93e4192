"""Certificates at the gRPC door: shown, asked for, and taken anew without a restart."""

import pathlib
import shutil
import ssl
import subprocess
import tempfile
import unittest

import grpc

from grpc_client import CALL_S, GrpcTestCase, request
from harness import clean_environment, executable, until


class Tls(GrpcTestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="millrace-tls-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        for name in ("first", "second", "client", "foreign"):
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                 "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                 "-keyout", f"{name}.key", "-out", f"{name}.pem"],
                cwd=cls.directory, check=True, capture_output=True)

    def path(self, name):
        return str(self.directory / name)

    def pem(self, name):
        return (self.directory / name).read_bytes()

    def use(self, name):
        """Makes it the server's certificate, as a tool that renews certificates would."""
        for kind in ("key", "pem"):
            shutil.copy(self.path(f"{name}.{kind}"), self.path(f"new.{kind}"))
            pathlib.Path(self.path(f"new.{kind}")).rename(self.path(f"server.{kind}"))

    def start_with_tls(self, **more):
        self.use("first")
        self.start(GRPC_TLS_CERT=self.path("server.pem"), GRPC_TLS_KEY=self.path("server.key"),
                   **more)

    def ingest(self, trusted, own=None):
        credentials = grpc.ssl_channel_credentials(
            self.pem(f"{trusted}.pem"), self.pem(f"{own}.key") if own else None,
            self.pem(f"{own}.pem") if own else None)
        client = self.connect(credentials=credentials)
        return client.ingest(request(), timeout=CALL_S).message_id

    def shown(self):
        return ssl.get_server_certificate(("127.0.0.1", self.server.grpc_port))

    def test_certificate_is_shown_and_renewed(self):
        self.start_with_tls()
        kept = self.connect(credentials=grpc.ssl_channel_credentials(self.pem("first.pem")))
        ids = [kept.ingest(request(), timeout=CALL_S).message_id]
        with self.fails("UNAVAILABLE"):
            self.ingest("foreign")
        with self.fails("UNAVAILABLE"):
            self.client.ingest(request(), timeout=CALL_S)  # without TLS
        self.use("second")
        until("the new one is shown", lambda: self.shown() == self.pem("second.pem").decode(), 10)
        ids += [self.ingest("second"), kept.ingest(request(), timeout=CALL_S).message_id]
        self.expect_results(ids)

    def test_clients_need_a_certificate(self):
        self.start_with_tls(GRPC_TLS_CLIENT_CA=self.path("client.pem"))
        self.expect_results([self.ingest("first", own="client")])
        for own in (None, "foreign"):
            with self.subTest(own=own), self.fails("UNAVAILABLE"):
                self.ingest("first", own=own)

    def test_bad_files_end_the_start(self):
        pathlib.Path(self.path("empty")).touch()
        for cert, key, ca, code, words in (
                ("first.pem", "", "", 2, "GRPC_TLS_KEY"),
                ("", "", "first.pem", 2, "GRPC_TLS_CLIENT_CA"),
                ("missing", "first.key", "", 1, "missing"),
                ("first.pem", "second.key", "", 1, "second.key"),
                ("first.pem", "first.pem", "", 1, "first.pem"),
                ("first.pem", "first.key", "empty", 1, "empty")):
            with self.subTest(cert=cert, key=key, ca=ca):
                settings = {"GRPC_TLS_CERT": cert, "GRPC_TLS_KEY": key, "GRPC_TLS_CLIENT_CA": ca}
                done = subprocess.run(
                    [executable("grpc-server")], env=clean_environment(settings), timeout=30,
                    cwd=self.directory, capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(words, done.stderr)
                self.assertNotIn("PRIVATE KEY", done.stderr)


if __name__ == "__main__":
    unittest.main()
