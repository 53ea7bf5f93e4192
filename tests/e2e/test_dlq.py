"""Dead letters over REST: listed, and put back into the queue, without losing one."""

import json
import unittest

import wire
from harness import PATIENCE, Stack, StackTestCase, until
from load import Load
from test_faults import FAULTY, post


def ask(service, method, path, body=None):
    text = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    return wire.request(service.port, method, path, text, timeout_s=10 * PATIENCE)


def listed(service, query=""):
    """All of them, page by page."""
    letters, after = [], ""
    while True:
        page = ask(service, "GET", f"/dlq?limit=3{after}{query}")
        if page.status != 200:
            raise AssertionError(page)
        letters += page.json()["deadLetters"]
        if "next" not in page.json():
            return letters
        after = f"&after={page.json()['next']}"


class DeadLetters(StackTestCase):
    stack_options = {"processor": FAULTY}

    def reject(self, count):
        ids = [post(self.stack, "reject", data="secret words") for _ in range(count)]
        until("they are dead letters", lambda: {letter["id"] for letter in
                                                listed(self.stack.processor)} >= set(ids))
        return ids

    def test_listed(self):
        # One after the other: four workers would settle them in any order.
        ids = [self.reject(1)[0] for _ in range(5)]
        response = ask(self.stack.processor, "GET", "/dlq?limit=2")
        self.assertNotIn(b"secret", response.body)
        letters = listed(self.stack.processor)
        self.assertEqual(set(letters[0]), {"key", "id", "source", "reason", "attempts",
                                           "deadLetteredAt", "bytes"})
        self.assertEqual([letter["id"] for letter in letters if letter["id"] in ids], ids[::-1])

    def test_replayed(self):
        processor = self.stack.processor
        ids = self.reject(5)
        before = len(listed(processor))
        dry = ask(processor, "POST", "/dlq/replay", {"ids": ids[:2], "dryRun": True})
        self.assertEqual((dry.status, dry.json()["matched"], dry.json()["replayed"]), (200, 2, 0))
        self.assertEqual(len(listed(processor)), before)
        # They are rejected again, so each comes back as a new letter.
        old = {letter["key"] for letter in listed(processor)}
        done = ask(processor, "POST", "/dlq/replay", {"ids": ids[:2]})
        self.assertEqual((done.status, done.json()["replayed"]), (200, 2))
        until("they come back", lambda: len({letter["key"] for letter in listed(processor)} -
                                            old) == 2)
        self.assertEqual(len(listed(processor)), before)
        self.assertGreaterEqual(
            processor.metrics()["millrace_dead_letters_replayed_total"], 2)

    def test_nonsense(self):
        processor = self.stack.processor
        for path in ("/dlq?limit=0", "/dlq?limit=x"):
            self.assertEqual(ask(processor, "GET", path).status, 422)
        self.assertEqual(ask(processor, "GET", "/dlq?after=nonsense").status, 400)
        for body, status in ((b"{", 400), ({}, 422), ({"all": False}, 422), ({"ids": []}, 422),
                             ({"all": True, "reason": "x"}, 422)):
            self.assertEqual(ask(processor, "POST", "/dlq/replay", body).status, status, body)
        self.assertEqual(ask(processor, "GET", "/dlq/replay").status, 405)
        self.assertEqual(ask(processor, "POST", "/dlq", {}).status, 405)


class Interrupted(unittest.TestCase):
    def test_killed_in_the_middle(self):
        """Every letter is listed, or its message came into the queue."""
        settings = {**FAULTY, "QUEUE_SIZE": 100000}
        with Stack(processor=settings).running() as stack:
            processor = stack.processor
            with Load(stack.gateway.port, limit=1500,
                      metadata=lambda number: {"fault": "reject"}) as load:
                pass
            until("all are dead letters", lambda: len(processor.dead_letters()) == 1500, 20)
            processor.stop()
            # Now they will be worked off, as if the fault had been mended.
            processor.settings["HANDLER"] = "passthrough"
            processor.start()
            with wire.Connection(processor.port) as connection:
                connection.send(wire.build("POST", "/dlq/replay", b'{"all":true}'))
                until("some are replayed", lambda: processor.result_ids().__len__() > 1700)
                processor.kill()
            processor.start()
            left = {letter["id"] for letter in listed(processor)}
            done = {line["message_id"] for line in processor.file_lines("results.ndjson", 1)
                    if line["success"]}
            until("the rest is replayed", lambda: ask(
                processor, "POST", "/dlq/replay", {"all": True}).json()["matched"] == 0, 20)
            stack.stop_services()
            good = {line["message_id"] for line in processor.file_lines("results.ndjson", 1)
                    if line["success"]}
            # What was taken off the list was in the memory queue, and may have died with it.
            self.assertLessEqual(left | done, good)
            self.assertLessEqual(good, set(load.accepted))


if __name__ == "__main__":
    unittest.main()
