"""Clients that stream until told to stop and remember what each message was told, id by id."""

import collections
import threading
import time

import grpc
from grpc_client import Client, request
from load import Clients

UNTOLD_MAX = 64  # messages on their way, of one client
STREAM_S = 60


class GrpcLoad(Clients):
    """Each client opens an IngestAcks stream, and another one when that breaks: what it hadn't been
    told of by then is unknown."""

    def _client(self):
        client = Client(self.port)
        while not self._over.is_set():
            untold = collections.deque()  # number and moment of each
            try:
                self._stream(client, untold)
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    self.wrong.append(str(error))
                self._over.wait(0.02)
            with self._lock:
                self.unknown += len(untold)
        client.channel.close()

    def _stream(self, client, untold):
        room = threading.Semaphore(UNTOLD_MAX)

        def messages():
            while not self._over.is_set():
                if room.acquire(timeout=0.1):
                    number = next(self._numbers)
                    untold.append((number, time.monotonic()))
                    yield request(data=f"message {number}".encode(), metadata=self.metadata(number))

        for ack in client.acks(messages(), timeout=STREAM_S):
            with self._lock:
                told = [untold.popleft() for _ in range(ack.count)]
                self._note(ack, told)
            room.release(ack.count)

    def _note(self, ack, told):
        self.slowest_s = max(self.slowest_s, time.monotonic() - told[0][1])
        if ack.status == "accepted":
            for message_id, (number, _) in zip(ack.message_ids, told, strict=True):
                self.accepted[message_id] = number
        elif ack.status == "unknown":
            self.unknown += ack.count
        elif ack.problem.retryable:
            self.refused += ack.count
        else:
            self.wrong.append(str(ack))
