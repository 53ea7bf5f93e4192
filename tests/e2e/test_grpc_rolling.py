"""A gRPC server replaced by another one on its port, under load: no call fails."""

import itertools
import threading
import time
import unittest

from grpc_client import CALL_S, GrpcService, GrpcTestCase, request
from grpc_calls import Calls

# A connection is left while the server still takes calls: its age is below the grace.
LEAVING = {"SHARE_PORT": "true", "DRAIN_GRACE": "3s", "GRPC_CONNECTION_MAX_AGE": "1s",
           "SHUTDOWN_TIMEOUT": "20s"}


class Replacing(GrpcTestCase):
    def another(self):
        server = GrpcService({"PROCESSOR_URL": self.processor.url, **LEAVING,
                              "GRPC_PORT": self.server.settings["GRPC_PORT"]})
        self.addCleanup(server.discard)
        server.spawn()
        server.until_logged("ready")
        return server

    def test_a_server_beside_another_on_its_port(self):
        self.start(**LEAVING)
        servers = [self.server]
        with Calls(self.server.grpc_port) as calls:
            for _ in range(2):
                calls.wait_for_more()
                servers.append(self.another())
                servers[-2].stop()
                calls.wait_for_more()
        self.assertEqual(calls.wrong, [])
        self.expect_results(list(calls.accepted))
        servers[-1].stop()
        for server in servers:
            self.assertEqual(server.logged("no answer from upstream"), [])

    def test_the_grace_ends_with_the_last_connection(self):
        self.start(**{**LEAVING, "DRAIN_GRACE": "15s"})
        self.assert_works()
        self.server.send_signal(15)
        self.server.until_logged("draining")
        self.assert_works()  # over the connection it has
        self.assertEqual(self.client.serving(), "NOT_SERVING")
        self.client.channel.close()
        began = time.monotonic()
        self.server.expect_stopped()
        self.assertLess(time.monotonic() - began, 10)

    def test_after_the_grace_calls_are_refused(self):
        self.start(DRAIN_GRACE="500ms")
        stop = threading.Event()

        def messages():
            for number in itertools.count():
                if stop.wait(0.05):
                    return
                yield request(data=b"%d" % number)

        call = self.client.stream.future(messages(), timeout=CALL_S)
        self.client.ingest(request(), timeout=CALL_S)
        self.server.send_signal(15)
        error = call.exception(timeout=CALL_S)
        stop.set()
        self.assertEqual(error.code().name, "UNAVAILABLE")
        self.server.expect_stopped()


if __name__ == "__main__":
    unittest.main()
