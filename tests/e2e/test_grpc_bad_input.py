"""Nonsense, silence and greed at the gRPC door: a status each, memory bounded, the server alive."""

import socket
import threading
import time
import unittest

import h2
from grpc_client import CALL_S, GrpcTestCase, details_of, request
from harness import PATIENCE, SANITIZE, until

MIB = 1 << 20


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=CALL_S)


def closed_by_server(client):
    """Reads until the end; whether it came."""
    try:
        while client.recv(65536):
            pass
        return True
    except ConnectionError:
        return True
    except TimeoutError:
        return False


class BadMessages(GrpcTestCase):
    def test_each_gets_a_status_that_names_the_field(self):
        self.start()
        bad_text = b"\xff\xfe"
        source, metadata = b"\x0a\x01s", b"\x1a\x06\x0a\x01k\x12\x01"
        for name, message, field in (
                ("empty source", request(source=""), "source"),
                ("no field at all", b"", "source"),
                ("long source", request(source="s" * 257), "source"),
                ("source not UTF-8", b"\x0a\x02" + bad_text, "source"),
                ("metadata not UTF-8", source + metadata + b"\xff", "metadata"),
                ("key not UTF-8", source + b"\x22\x02" + bad_text, "idempotency_key"),
                ("long key", request(idempotency_key="k" * 257), "Idempotency-Key"),
                ("not protobuf", bad_text, "request")):
            with self.subTest(name):
                with self.fails("INVALID_ARGUMENT", field) as caught:
                    self.client.ingest(message, timeout=CALL_S)
                violation = details_of(caught[0])["BadRequest"].field_violations[0]
                self.assertEqual(violation.field, field)
        self.expect_results([self.assert_works()])

    def test_too_large(self):
        self.start()
        kept = self.client.ingest(request(data=b"x" * (4 * MIB - 100)), timeout=CALL_S)
        for size in (4 * MIB, 9 * MIB):
            with self.subTest(size), self.fails("RESOURCE_EXHAUSTED"):
                self.client.ingest(request(data=b"x" * size), timeout=CALL_S)
        messages = [request(), request(data=b"x" * 5 * MIB), request()]
        answer = self.client.stream(iter(messages), timeout=CALL_S)
        self.assertEqual((answer.accepted, answer.rejected, answer.first_error.index), (2, 1, 1))
        self.assertFalse(answer.first_error.retryable)
        until("all are worked off", lambda: len(self.results()) == 3, 20)
        self.assertIn(kept.message_id, self.results())

    def test_unknown_names(self):
        self.start()
        for path in ("/diplom.v1.IngestService/Nothing", "/no.such.Service/Ingest"):
            with self.fails("UNIMPLEMENTED"):
                self.client.channel.unary_unary(path)(b"", timeout=CALL_S)


class BadBytes(GrpcTestCase):
    def test_garbage_and_http_1(self):
        self.start(READ_TIMEOUT="500ms")
        for name, sent in (("garbage", bytes(range(256)) * 64),
                           ("HTTP/1.1", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
                           ("half a preface", h2.PREFACE[:10]),
                           ("a broken frame", h2.hello() + b"\xff" * 100),
                           ("nothing", b"")):
            with self.subTest(name), connect(self.server.grpc_port) as client:
                client.sendall(sent)
                self.assertTrue(closed_by_server(client), "still open")
                self.assert_works()
        until("their connections are forgotten",
              lambda: self.server.counted("millrace_grpc_connections_open") == 1)

    @unittest.skipIf(SANITIZE, "sanitizers keep freed memory: there is nothing to be bounded")
    def test_resets_are_bounded(self):
        bound = 192 * MIB
        self.start(GRPC_MEMORY_MAX_BYTES=bound)
        self.assert_works()
        path = "/diplom.v1.IngestService/Ingest"
        with connect(self.server.grpc_port) as flooding:
            flooding.sendall(h2.hello())
            try:
                for first in range(1, 400_000, 10_000):
                    flooding.sendall(h2.resets(path, 5000, first))
                    self.assertLess(self.server.rss(), 2 * bound)
            except ConnectionError:
                pass
            else:
                self.fail("not cut off")
        self.assertEqual(self.server.counted("millrace_grpc_connections_closed_total"), 1)
        until("memory comes back", lambda: self.server.rss() < bound, 10)
        # Who was there meanwhile was never cut off.
        self.expect_results([*self.results(), self.assert_works()])


class BadManners(GrpcTestCase):
    def silent(self, call):
        over = threading.Event()
        self.addCleanup(over.set)
        return call(iter(over.wait, True), timeout=CALL_S)

    def test_silent_stream_ends(self):
        self.start(GRPC_STREAM_IDLE_TIMEOUT="400ms")
        began = time.monotonic()
        call = self.silent(self.client.acks)
        self.assertEqual(call.code().name, "DEADLINE_EXCEEDED")
        self.assertIn("no message for 400 ms", call.details())
        self.assertGreater(time.monotonic() - began, 0.39)
        self.assertEqual(self.silent(self.client.stream.future).code().name, "DEADLINE_EXCEEDED")

    def test_old_stream_ends_and_tells_how_far_it_got(self):
        self.start(GRPC_STREAM_MAX_AGE="300ms")

        def messages():
            while True:
                time.sleep(0.01)
                yield request()

        with self.fails("UNAVAILABLE", "open another") as caught:
            self.client.stream(messages(), timeout=CALL_S)
        progress = details_of(caught[0])["IngestProgress"]
        self.assertGreater(progress.accepted, 3)
        until("all are worked off", lambda: len(self.results()) == progress.accepted, 20)

    def test_acks_that_are_never_read(self):
        self.start(GRPC_STREAM_IDLE_TIMEOUT="1s")
        headers = h2.frame(h2.HEADERS, h2.END_HEADERS, 1,
                           h2.call_headers("/diplom.v1.IngestService/IngestAcks"))
        # With a window of one byte no acknowledgement can ever be sent whole.
        with connect(self.server.grpc_port) as client:
            client.sendall(h2.hello(window=1) + headers + h2.message(
                1, request().SerializeToString()) * 2000)
            until("the stream is given up", lambda: self.server.counted(
                "grpc_server_handled_total", grpc_method="IngestAcks") == 1, 10)
            self.assert_works()
        stats = self.server.get_json("/stats")
        self.assertEqual(stats["TotalReceived"], stats["TotalSent"])

    def test_a_hundred_greedy_streams(self):
        self.start(processor={"QUEUE_SIZE": 1000})
        self.client.stream(iter([request()] * 1000), timeout=CALL_S)
        before, peak = self.server.rss(), 0
        clients = [self.connect() for _ in range(4)]
        big = request(data=b"x" * 20_000)
        calls = [client.stream.future(iter([big] * 100), timeout=6 * CALL_S)
                 for client in clients for _ in range(25)]
        silent = self.silent(self.client.acks)
        began = time.monotonic()
        self.assert_works()
        waited = time.monotonic() - began
        while not all(call.done() for call in calls):
            peak = max(peak, self.server.rss())
            time.sleep(0.01)
        self.assertEqual(sum(call.result().accepted for call in calls), 10_000)
        self.assertLess(waited, CALL_S / 2)
        if not SANITIZE:
            self.assertLess(peak - before, 256 * MIB)
        silent.cancel()

    def test_pings_too_often(self):
        self.start(GRPC_MIN_PING_INTERVAL="5s")
        ping = h2.frame(h2.PING, 0, 0, b"12345678")
        with connect(self.server.grpc_port) as client:
            client.sendall(h2.hello())
            received = b""
            for _ in range(100):
                try:
                    client.sendall(ping)
                    received += client.recv(65536)
                except ConnectionError:
                    break
                if b"too_many_pings" in received:
                    break
            self.assertIn(b"too_many_pings", received)
            self.assertTrue(closed_by_server(client))
        self.assert_works()

    def test_too_many_streams_wait_for_their_turn(self):
        self.start(GRPC_MAX_STREAMS=2)
        streams = [self.silent(self.client.acks) for _ in range(2)]
        until("both are open", lambda: self.server.counted("grpc_server_open_calls") == 2)
        waiting = self.client.ingest.future(request(), timeout=CALL_S)
        self.connect().ingest(request(), timeout=CALL_S)  # another connection
        self.assertFalse(waiting.done())
        streams[0].cancel()
        self.assertEqual(waiting.result().status, "accepted")

    def test_too_many_connections(self):
        self.start(GRPC_MAX_CONNECTIONS=6, GRPC_MAX_CONNECTIONS_PER_PEER=4)
        self.assert_works()
        held = [connect(self.server.grpc_port) for _ in range(3)]
        for client in held:
            client.sendall(h2.hello())
            self.assertTrue(client.recv(9))
        with connect(self.server.grpc_port) as refused:
            self.assertTrue(closed_by_server(refused))
        self.assert_works()
        self.assertEqual(self.server.counted("millrace_grpc_connections_refused_total"), 1)
        for client in held:
            client.close()

        def gets_in():
            with connect(self.server.grpc_port) as client:
                client.sendall(h2.hello())
                try:
                    return bool(client.recv(9))
                except ConnectionError:
                    return False

        until("another one gets in", gets_in)

    def test_out_of_descriptors(self):
        self.start(files=64)
        self.assert_works()
        held = []
        until("there are no more", lambda: held.append(connect(self.server.grpc_port)) or
              self.server.open_files() >= 63 and len(held) > 64)
        self.assert_works()  # on the connection it has
        for client in held:
            client.close()
        began = time.monotonic()
        fresh = self.connect()
        fresh.ingest(request(), timeout=CALL_S, wait_for_ready=True)
        self.assertLess(time.monotonic() - began, 1.0 * PATIENCE)
        self.assertGreater(self.server.counted("millrace_grpc_connections_refused_total"), 0)


if __name__ == "__main__":
    unittest.main()
