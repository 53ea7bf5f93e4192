"""Too slow, too many, too full: bounded, answered by name, and over as soon as the cause is."""

import resource
import select
import socket
import time
import unittest

import wire
from harness import (ANSWER_S, INGEST_PATHS, SANITIZE, Service, Stack, StackTestCase,
                     at_each_edge, good_body, until, within)

BODY = good_body()
IDLE_CONNECTIONS = 10_000


def server_side_is_open(server_port, client_port):
    """Whether the kernel still has the server's end of that connection as established."""
    established = "01"
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            _, local, remote, state = line.split()[:4]
            if (local.endswith(f":{server_port:04X}") and remote.endswith(f":{client_port:04X}")
                    and state == established):
                return True
    return False


class SlowClients(StackTestCase):
    stack_options = {"settings": {"READ_TIMEOUT": "500ms", "IDLE_TIMEOUT": "700ms"}}

    def drip(self, port, data):
        """Sends a byte at a time until there is an answer; returns how long that took."""
        began = time.monotonic()
        with wire.Connection(port) as connection:
            for byte in data:
                connection.send_if_open(bytes([byte]))
                if select.select([connection.socket], [], [], 0.05)[0]:
                    break
            self.assert_problem(connection.read_response(), 408)
            connection.expect_close()
        return time.monotonic() - began

    @at_each_edge
    def test_request_that_arrives_a_byte_at_a_time(self, port, path):
        head = wire.build("POST", path, b"", {"Content-Length": "1000", "X-Long": "x" * 1000})
        with self.nothing_counted():
            for name, data in (("header", head),
                               ("body", wire.build("POST", path, BODY.ljust(1000)))):
                with self.subTest(slow=name):
                    took = self.drip(port, data)
                    self.assertGreater(took, 0.4)
                    self.assertLess(took, 0.5 + 2 * ANSWER_S)
        self.assert_works(port, path)

    @at_each_edge
    def test_others_are_served_meanwhile(self, port, path):
        slow = [wire.Connection(port) for _ in range(50)]
        try:
            for connection in slow:
                connection.send(b"POST " + path.encode() + b" HTT")
            for _ in range(10):
                self.assert_works(port, path)
        finally:
            for connection in slow:
                connection.close()

    @at_each_edge
    def test_idle_connection_is_closed(self, port, path):
        with wire.Connection(port) as never_used, wire.Connection(port) as used:
            self.assertEqual(used.request("POST", path, BODY).status, 200)
            with within(0.7 + 2 * ANSWER_S):
                never_used.expect_close()
                used.expect_close()

    @at_each_edge
    def test_client_that_never_reads(self, port, path):
        with wire.Connection(port, receive_buffer=4096) as connection:
            connection.socket.setblocking(False)
            batch = wire.build("GET", "/metrics") * 50
            stuffed = 0
            while select.select([], [connection.socket], [], 0.2)[1]:
                try:
                    stuffed += connection.socket.send(batch)
                except (BrokenPipeError, ConnectionResetError):
                    break
                # What it takes in without being read is bounded.
                self.assertLess(stuffed, 64 * 1024 * 1024)
            self.assert_works(port, path)
            until("the server closes it",
                  lambda: not server_side_is_open(port, connection.local_port))
        self.assert_works(port, path)


class ManyClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = IDLE_CONNECTIONS + 500
        if cls.limits[1] != resource.RLIM_INFINITY and cls.limits[1] < wanted:
            raise AssertionError(f"this test needs {wanted} descriptors: raise `ulimit -Hn`")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(wanted, cls.limits[0]), cls.limits[1]))
        cls.stack = Stack().start()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.stack.stop()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, cls.limits)

    def test_10000_idle_connections(self):
        for service in (self.stack.gateway, self.stack.ingest):
            connections = []
            try:
                with self.subTest(service=service.name):
                    for _ in range(IDLE_CONNECTIONS):
                        connections.append(socket.create_connection(("127.0.0.1", service.port)))
                    for _ in range(20):
                        with within():
                            response = wire.request(service.port, "POST",
                                                    INGEST_PATHS[service.name], BODY)
                        self.assertEqual(response.status, 200)
            finally:
                for connection in connections:
                    connection.close()

    def test_as_many_at_once_as_a_small_limit_allows(self):
        limit = 20
        service = Service("ingest", {"PROCESSOR_URL": self.stack.processor.url,
                                     "MAX_CONNECTIONS": limit})
        try:
            service.start()
            kept = []
            until("earlier connections are gone", lambda: self.fill(service.port, kept, limit))
            with wire.Connection(service.port) as extra, within():
                self.assertEqual(extra.read_response().status, 503)
                extra.expect_close()
            for connection in kept:
                self.assertEqual(connection.request("GET", "/livez").status, 200)
                connection.close()
            until("places are free again", lambda: service.probe("/livez") == 200, 1.0)
            service.stop()
        finally:
            service.discard()

    def fill(self, port, kept, limit):
        """Opens connections up to the limit; each is known to be taken in once it was answered."""
        while len(kept) < limit:
            connection = wire.Connection(port)
            if connection.request("GET", "/livez").status != 200:
                connection.close()
                return False
            kept.append(connection)
        return True

    @unittest.skipIf("undefined" in SANITIZE,
                     "UBSan's check of virtual calls opens a pipe and misreads its failure")
    def test_out_of_descriptors(self):
        for name in ("processor", "ingest", "api-gateway"):
            with self.subTest(service=name):
                service = Service(name, {"PROCESSOR_URL": self.stack.processor.url,
                                         "INGEST_URL": self.stack.ingest.url}, files=64)
                try:
                    self.exhaust(service.start())
                    service.stop()
                finally:
                    service.discard()

    def exhaust(self, service):
        hoard = []
        try:
            for _ in range(150):
                hoard.append(socket.create_connection(("127.0.0.1", service.port)))
            until("it has none left, but the one it keeps for refusing",
                  lambda: service.open_files() >= service.files - 2)
        finally:
            for connection in hoard:
                connection.close()
        until("it answers again", lambda: service.probe("/livez") == 200, 1.0)
        until("it is ready again", service.is_ready, 1.0)


class FullQueue(StackTestCase):
    capacity = 4
    stack_options = {"processor": {"QUEUE_SIZE": capacity, "PROCESSOR_WORKERS": 1, "SINK": "file",
                                   "HANDLER": "faulty"}}

    @at_each_edge
    def test_full_is_answered_and_passes(self, port, path):
        before = self.stack.settled()
        slow = good_body(metadata={"fault": "slow:600"})
        accepted, refused = [], 0
        for _ in range(4 * self.capacity):
            with within():
                response = wire.request(port, "POST", path, slow)
            if response.status == 200:
                accepted.append(response.json()["messageId"])
                continue
            self.assert_problem(response, 503)
            self.assertGreaterEqual(int(response.header("Retry-After")), 1)
            refused += 1
        # It holds its capacity, and the worker one more at most.
        self.assertIn(len(accepted), (self.capacity, self.capacity + 1))
        self.assertEqual(len(accepted) + refused, 4 * self.capacity)
        queue = self.stack.processor.get_json("/stats")["queue"]
        self.assertLessEqual(queue["size"], self.capacity)

        after = until("what was accepted is worked off",
                      lambda: self.worked_off(before, len(accepted)), 20)
        self.assertEqual(after["TotalSent"] - before["TotalSent"], len(accepted))
        self.assertEqual(after["TotalFailed"] - before["TotalFailed"], refused)
        self.assertEqual(after["errors"], before["errors"])
        written = [result["message_id"]
                   for result in self.stack.processor.file_lines("results.ndjson")]
        self.assertEqual(sorted(written[-len(accepted):]), sorted(accepted))
        self.assert_works(port, path)

    def worked_off(self, before, count):
        if self.stack.pool_stats()["processed"] < before["processed"] + count:
            return None
        return self.stack.settled()


if __name__ == "__main__":
    unittest.main()
