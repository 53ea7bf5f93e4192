"""The gRPC door when the queue is slow, the client doesn't read, or somebody floods it."""

import pathlib
import signal
import socket
import time
import unittest

import grpc
import h2
from grpc_client import CALL_S, SERVICE, GrpcTestCase, request
from harness import PATIENCE, SANITIZE, until

MIB = 1 << 20


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=CALL_S)


class SlowQueue(GrpcTestCase):
    def start_slow(self, **settings):
        """Room for 8 messages, and one worker."""
        self.start(processor={"QUEUE_SIZE": 8, "PROCESSOR_WORKERS": 1, "HANDLER": "faulty"},
                   **settings)

    def received(self):
        return self.server.counted("grpc_server_msg_received_total", grpc_method="IngestStream")

    def test_streams_are_read_slower_and_memory_is_bounded(self):
        self.start(REQUEST_TIMEOUT="60s", GRPC_MEMORY_MAX_BYTES=4096 * MIB)
        offered, size = 30, 1_000_000
        self.assert_works()
        before, peak = self.server.rss(), 0
        big = request(data=b"x" * size)
        clients = [self.connect() for _ in range(4)]
        with self.processor.suspended():
            calls = [client.stream.future(iter([big] * offered), timeout=6 * CALL_S)
                     for client in clients for _ in range(25)]
            until("they are held back", lambda: self.server.counted(
                "millrace_grpc_held_bytes") > 60 * MIB, 20)
            seen = -1
            while self.received() != seen:
                seen = self.received()
                for _ in range(50):
                    peak = max(peak, self.server.rss())
                    time.sleep(0.01 * PATIENCE)
            with self.fails("RESOURCE_EXHAUSTED", "waiting"):
                self.client.ingest(request(), timeout=CALL_S)
        self.assertLess(seen, 100 * offered / 4)
        if not SANITIZE:
            self.assertLess(peak - before, 700 * MIB)
        for call in calls:
            call.cancel()
        until("what they held is given back", lambda: self.server.counted(
            "millrace_grpc_held_bytes") == 0, 20)
        self.assert_works()

    def test_who_cancels_while_it_waits_is_not_accepted(self):
        self.start_slow()
        slow = request(source="slow", metadata={"fault": "slow:1000"})
        for _ in range(8):
            self.client.ingest(slow, timeout=CALL_S)
        call = self.client.stream.future(iter([request()] * 200), timeout=CALL_S)
        until("they have come", lambda: self.received() == 200)
        call.cancel()
        until("it is over", lambda: self.server.counted("grpc_server_open_calls") == 0)
        stats = self.server.get_json("/stats")
        self.assertEqual(stats["TotalReceived"], stats["TotalSent"] + stats["TotalFailed"])
        until("the queue has room again", lambda: len(self.results()) == stats["TotalSent"], 20)
        self.assertEqual(self.server.get_json("/stats")["TotalSent"], stats["TotalSent"])
        self.assertLess(stats["TotalSent"], 20)

    def test_shortly_before_the_deadline_full_is_the_answer(self):
        self.start_slow()
        slow = request(source="slow", metadata={"fault": f"slow:{int(1500 * PATIENCE)}"})
        for _ in range(8):
            self.client.ingest(slow, timeout=CALL_S)
        # A server that gets no core in the last 50 ms of a deadline is too late to say why.
        codes = []
        while "RESOURCE_EXHAUSTED" not in codes and len(codes) < 5:
            began = time.monotonic()
            with self.assertRaises(grpc.RpcError) as raised:
                self.client.stream(iter([request()] * 200), timeout=0.5 * PATIENCE)
            self.assertGreater(time.monotonic() - began, 0.3 * PATIENCE)
            codes.append(raised.exception.code().name)
        self.assertIn("200 rejected of 200", raised.exception.details())
        self.assertEqual(set(codes[:-1]) - {"DEADLINE_EXCEEDED"}, set())


class Deadlines(GrpcTestCase):
    """Clients of gRPC obey their deadlines themselves: these frames leave it to the server."""

    def call(self, client, stream, timeout):
        message = request().SerializeToString()
        block = h2.call_headers(f"/{SERVICE}/Ingest") + h2.header_block((("grpc-timeout", timeout),))
        client.sendall(h2.frame(h2.HEADERS, h2.END_HEADERS, stream, block) + h2.message(
            stream, message, h2.END_STREAM))

    def handled(self, code):
        return self.server.counted("grpc_server_handled_total", grpc_method="Ingest",
                                   grpc_code=code)

    def test_the_server_obeys_them(self):
        self.start()
        with connect(self.server.grpc_port) as client:
            client.sendall(h2.hello())
            with self.processor.suspended():
                began = time.monotonic()
                self.call(client, 1, "300m")
                until("it is answered", lambda: self.handled("DeadlineExceeded") == 1, 2)
                self.assertGreater(time.monotonic() - began, 0.25)
                self.assertLess(time.monotonic() - began, 2 * PATIENCE)
            self.call(client, 3, "5S")
            until("it is answered", lambda: self.handled("OK") == 1)


class NobodyReads(GrpcTestCase):
    """Windows so small that nothing can be answered."""

    def open(self, method, window, messages, flags=0):
        client = connect(self.server.grpc_port)
        self.addCleanup(client.close)
        client.settimeout(2)
        client.sendall(h2.hello(window=window) + h2.frame(
            h2.HEADERS, h2.END_HEADERS, 1, h2.call_headers(f"/{SERVICE}/{method}")))
        # Whoever isn't read any more stops taking them.
        data = h2.message(1, request().SerializeToString()) * messages
        try:
            client.sendall(data + h2.frame(h2.DATA, flags, 1))
        except TimeoutError:
            pass

    def received(self, method):
        return self.server.counted("grpc_server_msg_received_total", grpc_method=method)

    def test_no_more_is_read_than_can_be_told(self):
        self.start()
        self.open("IngestAcks", 1, 2000)
        until("they are read", lambda: self.received("IngestAcks") > 1000)
        time.sleep(0.5 * PATIENCE)
        self.assertLess(self.received("IngestAcks"), 1024 + 2 * 256 + 1)
        self.assert_works()

    def test_a_drain_does_not_wait_for_them(self):
        self.start()
        self.open("IngestAcks", 1, 100)
        self.open("IngestStream", 0, 100, h2.END_STREAM)
        until("all are accepted", lambda: self.server.get_json("/stats")["TotalSent"] == 200)
        began = time.monotonic()
        self.server.send_signal(signal.SIGTERM)
        self.server.expect_stopped()
        self.assertLess(time.monotonic() - began, 5 * PATIENCE)
        until("all are worked off", lambda: len(self.results()) == 200, 20)


class Floods(GrpcTestCase):
    @unittest.skipIf(SANITIZE, "sanitizers keep freed memory: there is nothing to be bounded")
    def test_many_connections_that_each_do_little(self):
        bound = 192 * MIB
        self.start(GRPC_MEMORY_MAX_BYTES=bound)
        self.assert_works()
        path = f"/{SERVICE}/Ingest"
        flooding = [connect(self.server.grpc_port) for _ in range(10)]
        first, more = h2.hello() + h2.indexed_call(path, 1), 3
        for client in flooding:
            self.addCleanup(client.close)
            client.sendall(first)
        while flooding and more < 1_000_000:
            for client in list(flooding):
                try:
                    client.sendall(h2.indexed_resets(500, more))
                except ConnectionError:
                    flooding.remove(client)
                self.assertLess(self.server.rss(), 5 * bound)
            more += 1000
        self.assertEqual(flooding, [], "not cut off")
        self.assertEqual(self.server.counted("millrace_grpc_connections_closed_total"), 10)
        until("memory comes back", lambda: self.server.rss() < bound, 10)
        until("it is ready again", self.server.is_ready)
        self.assert_works()

    def test_reflection_takes_few_threads(self):
        self.start()
        reflection = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        clients = [self.connect() for _ in range(2)]
        silent = [client.channel.stream_stream(reflection)(
            iter(lambda: time.sleep(CALL_S), 1), timeout=CALL_S)
                  for client in clients for _ in range(40)]
        time.sleep(1)
        threads = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        self.assertLess(int(threads.split("Threads:")[1].split()[0]), 60)
        self.assert_works()
        for call in silent:
            call.cancel()

        def lists():
            # list_services of ServerReflectionRequest
            answers = self.connect().channel.stream_stream(reflection)(
                iter([b"\x3a\x01*"]), timeout=CALL_S)
            try:
                return SERVICE.encode() in next(iter(answers))
            except grpc.RpcError:
                return False

        until("it answers again", lists)


if __name__ == "__main__":
    unittest.main()
