"""Many messages in one request: NDJSON or a JSON array, plain or packed, in at either edge."""

import base64
import gzip
import json
import subprocess
import threading
import time

import unittest

import wire
from harness import PATIENCE, StackTestCase, at_each_edge, until

NDJSON = {"Content-Type": "application/x-ndjson"}
MESSAGES_MAX, BYTES_MAX = 10_000, 8 << 20


def lines(*messages):
    return b"".join(m if isinstance(m, bytes) else json.dumps(m).encode() + b"\n"
                    for m in messages)


def message(number=0, **more):
    return {"source": "batch", "data": f"message {number}", **more}


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout


class Batches(StackTestCase):
    stack_options = {"processor": {"SINK": "file", "QUEUE_SIZE": 100_000}}

    def post(self, port, path, body, headers=None, timeout_s=30 * PATIENCE):
        return wire.request(port, "POST", f"{path}/batch", body, headers, timeout_s=timeout_s)

    def results(self):
        return [line["message_id"] for line in
                self.stack.processor.file_lines("results.ndjson")]

    def expect_all(self, response, count):
        self.assertEqual(response.status, 200, response.body[:500])
        answer = response.json()
        self.assertEqual((answer["status"], answer["accepted"], answer["rejected"]),
                         ("accepted", count, 0))
        self.assertEqual(len(set(answer["messageIds"])), count)
        before = set(answer["messageIds"])
        until("all are worked off", lambda: before <= set(self.results()), 20)
        return answer["messageIds"]

    @at_each_edge
    def test_each_form(self, port, path):
        messages = [message(i, metadata={"n": str(i)}) for i in range(1000)]
        array = json.dumps(messages, indent=2).encode()
        ndjson = lines(*messages)
        for body, headers in (
                (ndjson, NDJSON), (array, None), (b"\n" + ndjson + b"\r\n\n", NDJSON),
                (ndjson[:-1], {"Content-Type": "Application/X-NDJSON; charset=utf-8"}),
                (gzip.compress(ndjson), {**NDJSON, "Content-Encoding": "gzip"}),
                (zstd(ndjson), {**NDJSON, "Content-Encoding": "zstd"}),
                (gzip.compress(array), {"Content-Encoding": "gzip"})):
            with self.subTest(headers=headers, first=body[:10]):
                self.expect_all(self.post(port, path, body, headers), 1000)

    @at_each_edge
    def test_a_whole_batch_with_each_id_its_own(self, port, path):
        ids = self.expect_all(self.post(
            port, path, lines(*(message(i) for i in range(MESSAGES_MAX))), NDJSON), MESSAGES_MAX)
        found = {line["message_id"]: base64.b64decode(line["result"])
                 for line in self.stack.processor.file_lines("results.ndjson")}
        self.assertEqual([found[i] for i in ids],
                         [f"message {i}".encode() for i in range(MESSAGES_MAX)])

    @at_each_edge
    def test_a_bad_message_fails_alone(self, port, path):
        body = lines(message(), b"not JSON\n", message(), {"source": "", "data": "x"},
                     {"source": "s"}, b'{"source":"s","data":"' + b"x" * (1 << 20) + b'"}\n',
                     message())
        response = self.post(port, path, body, NDJSON)
        self.assertEqual(response.status, 207, response.body[:500])
        answer = response.json()
        self.assertEqual((answer["status"], answer["accepted"], answer["rejected"]),
                         ("partial", 3, 4))
        self.assertEqual([entry["index"] for entry in answer["results"]], list(range(7)))
        self.assertEqual([entry["status"] for entry in answer["results"]],
                         ["accepted", "rejected", "accepted", *["rejected"] * 3, "accepted"])
        codes = [entry.get("code") for entry in answer["results"]]
        self.assertEqual(codes, [None, 400, None, 422, 422, 413, None])
        self.assertIn("source", answer["results"][3]["error"])
        self.assertIn("data", answer["results"][4]["error"])
        self.assertFalse(answer["results"][1]["retryable"])
        accepted = {entry["messageId"] for entry in answer["results"] if "messageId" in entry}
        until("what was accepted is worked off", lambda: accepted <= set(self.results()))

    @at_each_edge
    def test_an_array_that_breaks_off(self, port, path):
        for body in (b"[" + json.dumps(message()).encode() + b",",
                     b"[" + json.dumps(message()).encode() + b"] x"):
            answer = self.post(port, path, body).json()
            self.assertEqual((answer["accepted"], answer["rejected"]), (1, 1))
            self.assertIn("JSON array", answer["results"][1]["error"])

    @at_each_edge
    def test_a_body_that_is_cut_is_answered_for_what_came(self, port, path):
        """Too large only at its end, or broken off: what came by then is in the queue."""
        large = lines(*[message(data="x" * 100_000)] * 90)
        with wire.Connection(port, timeout_s=30 * PATIENCE) as connection:
            connection.send(wire.build("POST", f"{path}/batch", None, {
                **NDJSON, "Transfer-Encoding": "chunked"}))
            try:
                for at in range(0, len(large), 50_000):
                    part = large[at:at + 50_000]
                    connection.send(b"%x\r\n%s\r\n" % (len(part), part))
            except OSError:
                pass
            response = connection.read_response()
        self.assertEqual(response.status, 207, response.body[:300])
        answer = response.json()
        self.assertGreater(answer["accepted"], 50)
        self.assertEqual(answer["results"][-1]["code"], 413)
        with wire.Connection(port, timeout_s=30 * PATIENCE) as connection:
            connection.send(wire.build("POST", f"{path}/batch", None, {
                **NDJSON, "Content-Length": "1000"}) + lines(message()))
            connection.half_close()
            response = connection.read_response()
        self.assertEqual((response.status, response.json()["accepted"]), (207, 1))
        self.assertIn("ended early", response.json()["results"][1]["error"])

    @at_each_edge
    def test_none_is_accepted(self, port, path):
        for body, headers, status, word in (
                (b"nonsense\n", NDJSON, 400, "none of the batch's 1"),
                (b"{}\n{}\n", NDJSON, 422, "none of the batch's 2"),
                (b"", NDJSON, 400, "no message"), (b"[]", None, 400, "no message"),
                (b"{}", None, 400, "JSON array"),
                (b"x", {"Content-Type": "text/plain"}, 415, "application/x-ndjson"),
                (b"x", {**NDJSON, "Content-Encoding": "br"}, 415, "gzip, zstd"),
                (b"no gzip", {**NDJSON, "Content-Encoding": "gzip"}, 400, "gzip"),
                (b"no zstd", {**NDJSON, "Content-Encoding": "zstd"}, 400, "zstd"),
                (gzip.compress(b"x" * (BYTES_MAX + 2)), {**NDJSON, "Content-Encoding": "gzip"},
                 413, "")):
            with self.subTest(body=body[:20], headers=headers):
                response = self.post(port, path, body, headers)
                self.assertEqual(response.status, status, response.body[:500])
                self.assertEqual(response.header("Content-Type"), "application/problem+json")
                self.assertIn(word, response.json()["detail"])

    @at_each_edge
    def test_limits(self, port, path):
        response = self.post(port, path, lines(*[message()] * (MESSAGES_MAX + 1)), NDJSON)
        self.assertEqual(response.status, 207)
        self.assertEqual(response.json()["accepted"], MESSAGES_MAX)
        last = response.json()["results"][-1]
        self.assertEqual((last["index"], last["code"]), (MESSAGES_MAX, 413))
        self.assertIn("at most 10000", last["error"])
        too_large = self.post(port, path, b" " * (BYTES_MAX + 1), NDJSON)
        self.assertEqual(too_large.status, 413)
        bomb = gzip.compress(lines(message()) + b" " * (200 << 20))
        response = self.post(port, path, bomb, {**NDJSON, "Content-Encoding": "gzip"})
        self.assertEqual((response.status, response.json()["accepted"]), (207, 1))
        self.assertEqual(response.json()["results"][1]["code"], 413)

    @at_each_edge
    def test_a_batch_sent_again_is_the_same_messages(self, port, path):
        body = lines(*(message(i) for i in range(700)))
        key = {**NDJSON, "Idempotency-Key": f"batch-{path}"}
        first = self.expect_all(self.post(port, path, body, key), 700)
        self.assertEqual(self.post(port, path, body, key).json()["messageIds"], first)
        self.assertEqual(self.post(port, path, body[:body.index(b"\n") + 1], key).json()[
            "messageIds"], first[:1])
        time.sleep(0.2)
        self.assertEqual(sum(i in set(first) for i in self.results()), 700)

    @at_each_edge
    def test_it_streams(self, port, path):
        """What has come is on its way while the rest isn't there yet."""
        with wire.Connection(port, timeout_s=10 * PATIENCE) as connection:
            first, second = lines(message(1)), lines(message(2))
            connection.send(wire.build("POST", f"{path}/batch", None, {
                **NDJSON, "Content-Length": str(len(first + second))}) + first)
            until("the first is worked off", lambda: len(self.results()) > self.before, 5)
            connection.send(second)
            response = connection.read_response()
        self.assertEqual(response.json()["accepted"], 2)

    def setUp(self):
        super().setUp()
        self.before = len(self.results())


class Pressure(StackTestCase):
    stack_options = {"processor": {"SINK": "file", "QUEUE_SIZE": 100, "HANDLER": "faulty",
                                   "PROCESSOR_WORKERS": 1}}

    @at_each_edge
    def test_a_full_queue_is_told_message_by_message(self, port, path):
        slow = message(metadata={"fault": "slow:5"})
        response = wire.request(port, "POST", f"{path}/batch", lines(*[slow] * 1000), NDJSON,
                                timeout_s=30 * PATIENCE)
        self.assertEqual(response.status, 207, response.body[:500])
        answer = response.json()
        self.assertEqual(answer["accepted"] + answer["rejected"], 1000)
        refused = [entry for entry in answer["results"] if entry["status"] == "rejected"]
        self.assertEqual({(entry["code"], entry["retryable"]) for entry in refused}, {(503, True)})
        accepted = {entry["messageId"] for entry in answer["results"] if "messageId" in entry}
        until("what was accepted is worked off", lambda: accepted <= {
            line["message_id"] for line in self.stack.processor.file_lines("results.ndjson")}, 20)

    def test_memory_does_not_grow_with_the_batches(self):
        """64 clients whose 8 MiB wait for a processor that stands still: 512 MiB at once."""
        def rss(service):
            with open(f"/proc/{service.process.pid}/statm", encoding="ascii") as statm:
                return int(statm.read().split()[1]) * 4096

        stack = self.stack
        body = lines(*[message(data="x" * 4000)] * 2000)
        before = {service: rss(service) for service in (stack.gateway, stack.ingest)}
        told = []

        def post():
            told.append(wire.request(stack.gateway.port, "POST", "/api/v1/ingest/batch", body,
                                     NDJSON, timeout_s=30 * PATIENCE).status)

        clients = [threading.Thread(target=post) for _ in range(64)]
        peak = {service: 0 for service in before}
        with stack.processor.suspended():
            for client in clients:
                client.start()
            end = time.monotonic() + 3
            while time.monotonic() < end:
                for service in peak:
                    peak[service] = max(peak[service], rss(service) - before[service])
                time.sleep(0.02)
            self.assertEqual(told, [])  # they can't get rid of their bytes
        for client in clients:
            client.join()
        self.assertEqual(len(told), 64)
        self.assertLessEqual(set(told), {200, 207, 503, 504})
        for service, grown in peak.items():
            self.assertLess(grown, 128 << 20, service.name)

    def test_without_a_processor_none_is_accepted(self):
        self.stack.processor.kill()
        for port, path in ((self.stack.gateway.port, "/api/v1/ingest"),
                           (self.stack.ingest.port, "/ingest")):
            response = wire.request(port, "POST", f"{path}/batch", lines(*[message()] * 100),
                                    NDJSON, timeout_s=30 * PATIENCE)
            self.assertEqual(response.status, 503, response.body[:500])
            self.assertTrue(response.header("Retry-After"))
            self.assertEqual(len(response.json()["results"]), 100)


if __name__ == "__main__":
    unittest.main()
