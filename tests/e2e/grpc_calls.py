"""gRPC clients that go on until told to stop and remember what each call was told, id by id."""

import grpc

from grpc_client import CALL_S, Client, request
from harness import until
from load import Clients

BETWEEN = 200  # calls answered between two steps


class Calls(Clients):
    """Clients that call, each over a channel of its own; whatever isn't OK is wrong."""

    def _client(self):
        client = Client(self.port)
        try:
            while not self._over.is_set():
                number = next(self._numbers)
                answer = client.ingest(request(data=b"%d" % number), timeout=CALL_S)
                with self._lock:
                    self.accepted[answer.message_id] = number
        except grpc.RpcError as error:
            self.wrong.append(f"{error.code().name}: {error.details()}")
        finally:
            client.channel.close()

    def wait_for_more(self):
        enough = len(self.accepted) + BETWEEN
        until("the load goes on", lambda: len(self.accepted) >= enough or self.wrong, 30)
