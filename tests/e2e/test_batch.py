"""Many messages in one request: NDJSON or a JSON array, plain or packed, in at either edge."""

import base64
import gzip
import json
import signal
import subprocess
import threading
import time

import unittest

import wire
from harness import PATIENCE, SANITIZE, Stack, StackTestCase, at_each_edge, until

NDJSON = {"Content-Type": "application/x-ndjson"}
MESSAGES_MAX, BYTES_MAX = 10_000, 8 << 20


def lines(*messages):
    return b"".join(m if isinstance(m, bytes) else json.dumps(m).encode() + b"\n"
                    for m in messages)


def message(number=0, **more):
    return {"source": "batch", "data": f"message {number}", **more}


def ids_of(answer):
    return [item["messageId"] for item in answer["items"] if "messageId" in item]


def resident(service):
    with open(f"/proc/{service.process.pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * 4096


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout


class Batches(StackTestCase):
    stack_options = {"settings": {"REQUEST_TIMEOUT": f"{int(5 * PATIENCE)}s"},
                     "processor": {"SINK": "file", "QUEUE_SIZE": 100_000}}

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
        self.assertEqual([item["index"] for item in answer["items"]], list(range(count)))
        ids = ids_of(answer)
        before = set(ids)
        self.assertEqual(len(before), count)
        until("all are worked off", lambda: before <= set(self.results()), 20)
        return ids

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
        self.assertEqual([item["index"] for item in answer["items"]], list(range(7)))
        problems = [item.get("problem", {}) for item in answer["items"]]
        self.assertEqual([problem.get("status") for problem in problems],
                         [None, 400, None, 422, 422, 413, None])
        self.assertIn("source", problems[3]["detail"])
        self.assertIn("data", problems[4]["detail"])
        self.assertFalse(problems[1]["retryable"])
        accepted = set(ids_of(answer))
        until("what was accepted is worked off", lambda: accepted <= set(self.results()))

    @at_each_edge
    def test_an_array_that_breaks_off(self, port, path):
        for body in (b"[" + json.dumps(message()).encode() + b",",
                     b"[" + json.dumps(message()).encode() + b"] x"):
            answer = self.post(port, path, body).json()
            self.assertEqual((answer["accepted"], answer["rejected"]), (1, 1))
            self.assertIn("JSON array", answer["items"][1]["problem"]["detail"])

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
        self.assertEqual(answer["items"][-1]["problem"]["status"], 413)
        with wire.Connection(port, timeout_s=30 * PATIENCE) as connection:
            connection.send(wire.build("POST", f"{path}/batch", None, {
                **NDJSON, "Content-Length": "1000"}) + lines(message()))
            connection.half_close()
            response = connection.read_response()
        self.assertEqual((response.status, response.json()["accepted"]), (207, 1))
        self.assertIn("ended early", response.json()["items"][1]["problem"]["detail"])

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
        last = response.json()["items"][-1]
        self.assertEqual((last["index"], last["problem"]["status"]), (MESSAGES_MAX, 413))
        self.assertIn("at most 10000", last["problem"]["detail"])
        too_large = self.post(port, path, b" " * (BYTES_MAX + 1), NDJSON)
        self.assertEqual(too_large.status, 413)
        bomb = gzip.compress(lines(message()) + b" " * (200 << 20))
        response = self.post(port, path, bomb, {**NDJSON, "Content-Encoding": "gzip"})
        self.assertEqual((response.status, response.json()["accepted"]), (207, 1))
        self.assertEqual(response.json()["items"][1]["problem"]["status"], 413)

    @at_each_edge
    def test_a_batch_sent_again_is_the_same_messages(self, port, path):
        body = lines(*(message(i) for i in range(700)))
        key = {**NDJSON, "Idempotency-Key": f"batch-{path}"}
        first = self.expect_all(self.post(port, path, body, key), 700)
        self.assertEqual(ids_of(self.post(port, path, body, key).json()), first)
        one = self.post(port, path, body[:body.index(b"\n") + 1], key)
        self.assertEqual(ids_of(one.json()), first[:1])
        time.sleep(0.2)
        self.assertEqual(sum(i in set(first) for i in self.results()), 700)

    @at_each_edge
    def test_it_streams(self, port, path):
        """What has come is on its way while the rest isn't there yet."""
        with wire.Connection(port, timeout_s=10 * PATIENCE) as connection:
            first, second = (lines(message(f"streamed to {path}, {n}")) for n in (1, 2))
            connection.send(wire.build("POST", f"{path}/batch", None, {
                **NDJSON, "Content-Length": str(len(first + second))}) + first)
            until("the first is worked off", lambda: f"message streamed to {path}, 1".encode() in {
                base64.b64decode(line["result"]) for line in
                self.stack.processor.file_lines("results.ndjson")}, 5)
            connection.send(second)
            response = connection.read_response()
        self.assertEqual(response.json()["accepted"], 2)


class Pressure(StackTestCase):
    stack_options = {"settings": {"REQUEST_TIMEOUT": "2s"},
                     "processor": {"SINK": "file", "QUEUE_SIZE": 100, "HANDLER": "faulty",
                                   "PROCESSOR_WORKERS": 1}}

    @at_each_edge
    def test_a_full_queue_is_told_message_by_message(self, port, path):
        slow = message(metadata={"fault": "slow:5"})
        response = wire.request(port, "POST", f"{path}/batch", lines(*[slow] * 1000), NDJSON,
                                timeout_s=30 * PATIENCE)
        self.assertEqual(response.status, 207, response.body[:500])
        answer = response.json()
        self.assertEqual(answer["accepted"] + answer["rejected"], 1000)
        refused = [item["problem"] for item in answer["items"] if "problem" in item]
        self.assertEqual({(one["status"], one["retryable"]) for one in refused}, {(503, True)})
        accepted = set(ids_of(answer))
        until("what was accepted is worked off", lambda: accepted <= {
            line["message_id"] for line in self.stack.processor.file_lines("results.ndjson")}, 20)

    @unittest.skipIf(SANITIZE, "sanitizers take memory of their own: there is nothing to be bounded")
    def test_memory_does_not_grow_with_the_batches(self):
        """64 clients whose 8 MiB wait for a processor that stands still: 512 MiB at once."""
        body = lines(*[message(data="x" * 4000)] * 2000)
        for headers, packed in ((NDJSON, body), ({**NDJSON, "Content-Encoding": "zstd"}, zstd(body))):
            with self.subTest(headers=headers):
                for name, grown in self.grown_by(64, packed, headers).items():
                    self.assertLess(grown, 128 << 20, name)

    def grown_by(self, count, body, headers):
        """Bytes of resident memory at the peak, by service, while `count` clients post the body."""
        services = (self.stack.gateway, self.stack.ingest)
        before = {service.name: resident(service) for service in services}
        peak = dict(before)
        told = []

        def post():
            told.append(wire.request(self.stack.gateway.port, "POST", "/api/v1/ingest/batch", body,
                                     headers, timeout_s=30 * PATIENCE).status)

        clients = [threading.Thread(target=post) for _ in range(count)]
        with self.stack.processor.suspended():
            for client in clients:
                client.start()
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                for service in services:
                    peak[service.name] = max(peak[service.name], resident(service))
                time.sleep(0.02)
            self.assertEqual(told, [])  # they all wait
        for client in clients:
            client.join()
        self.assertEqual(len(told), count)
        self.assertLessEqual(set(told), {200, 207, 503, 504})
        return {name: peak[name] - before[name] for name in peak}

    def test_gzip_clients_while_the_processor_stands_still(self):
        """For longer than they are waited for: each message is accepted, refused or unknown, and what
        was accepted is worked off as it was sent."""
        answers = {}

        def post(client):
            sent = [f"client {client}, message {i} {'x' * (i % 97)}" for i in range(2000)]
            body = gzip.compress(lines(*(message(data=data) for data in sent)))
            response = wire.request(self.stack.gateway.port, "POST", "/api/v1/ingest/batch", body,
                                    {**NDJSON, "Content-Encoding": "gzip"}, timeout_s=30 * PATIENCE)
            answers[client] = (sent, response)

        clients = [threading.Thread(target=post, args=[client]) for client in range(10)]
        with self.stack.processor.suspended():
            for client in clients:
                client.start()
            time.sleep(3)  # REQUEST_TIMEOUT is 2 s
        for client in clients:
            client.join()
        self.assertEqual(len(answers), 10)
        expected = {}
        for sent, response in answers.values():
            self.assertIn(response.status, (200, 207, 503, 504), response.body[:300])
            answer = response.json()
            self.assertEqual([item["index"] for item in answer["items"]], list(range(2000)))
            self.assertEqual(answer["accepted"] + answer["rejected"] + answer["unknown"], 2000)
            statuses = {item["problem"]["status"] for item in answer["items"] if "problem" in item}
            self.assertLessEqual(statuses, {503, 504})
            expected.update((item["messageId"], sent[item["index"]].encode())
                            for item in answer["items"] if "messageId" in item)
        found = {}

        def all_worked_off():
            found.update((line["message_id"], base64.b64decode(line["result"]))
                         for line in self.stack.processor.file_lines("results.ndjson"))
            return expected.keys() <= found.keys()

        until("what was accepted is worked off", all_worked_off, 20)
        self.assertEqual({i: found[i] for i in expected}, expected)

    def test_without_a_processor_none_is_accepted(self):
        self.stack.processor.kill()
        for port, path in ((self.stack.gateway.port, "/api/v1/ingest"),
                           (self.stack.ingest.port, "/ingest")):
            response = wire.request(port, "POST", f"{path}/batch", lines(*[message()] * 100),
                                    NDJSON, timeout_s=30 * PATIENCE)
            self.assertEqual(response.status, 503, response.body[:500])
            self.assertTrue(response.header("Retry-After"))
            self.assertEqual(len(response.json()["items"]), 100)


class Drain(unittest.TestCase):
    def test_a_batch_that_is_arriving_is_finished(self):
        """SIGTERM while a body is arriving: all of it is taken and answered, and the exit is a good
        one."""
        with Stack().running() as stack:
            gateway = stack.gateway
            with wire.Connection(gateway.port, timeout_s=10 * PATIENCE) as connection:
                half = lines(message(1))
                connection.send(wire.build("POST", "/api/v1/ingest/batch", None, {
                    **NDJSON, "Content-Length": str(2 * len(half))}) + half)
                until("the first is worked off", lambda: stack.pool_stats()["processed"] == 1)
                gateway.send_signal(signal.SIGTERM)
                until("it drains", lambda: gateway.logged("draining"))
                connection.send(half)
                response = connection.read_response()
            self.assertEqual((response.status, response.json()["accepted"]), (200, 2))
            gateway.expect_stopped()


if __name__ == "__main__":
    unittest.main()
