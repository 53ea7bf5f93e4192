"""Clients that go on until told to stop and remember what each request was told, id by id."""

import collections
import itertools
import threading
import time

import wire
from harness import PATIENCE, good_body


class Clients:
    """A context: the clients start with it and have ended, each with its last answer, after it.

    `_client()` is what each does until `_over`.
    """

    def __init__(self, port, clients=4, metadata=None):
        self.port = port
        self.metadata = metadata or (lambda number: {})
        self.accepted = {}  # id: the message's number
        self.refused = 0
        self.unknown = 0
        self.wrong = []
        self.slowest_s = 0.0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._numbers = itertools.count()
        self._threads = [threading.Thread(target=self._client) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()


class Load(Clients):
    """Clients that post, each on a connection that it keeps as long as the server does.

    Every outcome is one of: accepted; refused (503 with Retry-After); unknown (504, or closed without
    an answer); wrong (all else).
    """

    def __init__(self, port, path="/api/v1/ingest", limit=None, **options):
        super().__init__(port, **options)
        self.path, self.limit = path, limit

    def __exit__(self, *_):
        if self.limit is not None:  # they end by themselves
            for thread in self._threads:
                thread.join()
        super().__exit__()

    def expect_kept(self, found):
        """`found` are the ids that were worked off: each accepted one, and none twice.

        One of those whose outcome is unknown may be among them.
        """
        if self.wrong:
            raise AssertionError(f"{len(self.wrong)} wrong answers: {self.wrong[:3]}")
        twice = [key for key, count in collections.Counter(found).items() if count > 1]
        lost = self.accepted.keys() - set(found)
        extra = set(found) - self.accepted.keys()
        if twice or lost or len(extra) > self.unknown:
            raise AssertionError(
                f"{len(self.accepted)} accepted, {self.refused} refused, {self.unknown} unknown: "
                f"lost {sorted(lost)[:3]} ({len(lost)}), worked off twice {twice[:3]} "
                f"({len(twice)}), worked off but never accepted {len(extra)}")

    def _client(self):
        connection = None
        try:
            while not self._over.is_set():
                connection = connection or self._connect()
                if connection is None:
                    continue
                number = next(self._numbers)
                if self.limit is not None and number >= self.limit:
                    return
                if not self._post(connection, number):
                    connection.close()
                    connection = None
        except (OSError, wire.WireError, ValueError) as error:
            self.wrong.append(repr(error))
        finally:
            if connection is not None:
                connection.close()

    def _connect(self):
        try:
            return wire.Connection(self.port, timeout_s=10 * PATIENCE)
        except ConnectionError:
            self._over.wait(0.01)  # nobody listens; the next one may
            return None

    def _post(self, connection, number):
        """False when the connection can't be used any more."""
        body = good_body(data=f"message {number}", metadata=self.metadata(number))
        began = time.monotonic()
        try:
            connection.send(wire.build("POST", self.path, body))
            response = connection.read_response()
        except (wire.NoAnswer, ConnectionError):
            with self._lock:
                self.unknown += 1
            return False
        with self._lock:
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
            self._note(response, number)
        return response.header("Connection") != "close"

    def _note(self, response, number):
        if response.status == 200:
            self.accepted[response.json()["messageId"]] = number
        elif response.status == 503 and response.header("Retry-After"):
            self.refused += 1
        elif response.status == 504:
            self.unknown += 1
        else:
            self.wrong.append(repr(response))
