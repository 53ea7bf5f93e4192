"""The real executables under load, as they are profiled."""

import contextlib
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("MILLRACE_BIN", str(ROOT / "build" / "release" / "bin"))
for folder in ("tests/chaos", "tests/e2e", "tests/servers"):
    sys.path.insert(0, str(ROOT / folder))

import field  # noqa: E402  (the paths come first)
from harness import until  # noqa: E402

SERVICES = ("api-gateway", "ingest", "processor", "grpc-server")
QUEUES = tuple(field.BROKERS_OF)
CONNECTIONS = 32
STREAMS = 4
SETTINGS = {"HANDLER": "passthrough", "SINK": "none", "LOG_LEVEL": "warn", "QUEUE_SIZE": 100_000,
            "SHUTDOWN_TIMEOUT": "30s"}


def _command(system, door):
    """A load that goes on until it is stopped."""
    if door == "rest":
        return ["wrk", "-t1", f"-c{CONNECTIONS}", "-d3600s", "-s", ROOT / "bench/load/report.lua",
                f"{system.doors[1].url}/api/v1/ingest"]
    binaries = pathlib.Path(os.environ["MILLRACE_BIN"])
    return [binaries / "grpc_stream_client", f"127.0.0.1:{system.doors[0].grpc_port}", "stream",
            10**9, STREAMS, 200]


def load_words(door):
    return (f"single POSTs by wrk, {CONNECTIONS} connections, closed loop" if door == "rest"
            else f"{STREAMS} gRPC streams of 200-byte messages, as fast as they are taken")


class Loaded:
    """`service` and what it needs, with one queue, and a load that runs while inside `with`."""

    def __init__(self, service, queue, brokers, environment=None):
        self.door = "grpc" if service == "grpc-server" else "rest"
        self.system = field.Field(queue, brokers, settings=SETTINGS, door=self.door)
        self.service = next(one for one in self.system.services if one.name == service)
        self.service.settings.update(environment or {})

    def __enter__(self):
        with contextlib.ExitStack() as undo:
            undo.enter_context(self.system)
            command = [str(part) for part in _command(self.system, self.door)]
            self.load = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
            undo.callback(self._stop_load)
            # Profiled is what runs warm.
            until("messages are worked off", lambda: self.processed() > 5000, 60)
            self.undo = undo.pop_all()
        return self

    def __exit__(self, kind, *_):
        with self.undo:
            self._stop_load()
            if kind is None:
                self.system.stop()

    def _stop_load(self):
        if self.load.poll() is None:
            self.load.terminate()
            self.load.wait()

    def end_load(self):
        """How many messages were worked off in all, once everything that was accepted is."""
        self._stop_load()
        accepted = self.system.doors[0].get_json("/stats")["TotalSent"]
        return until("all is worked off",
                     lambda: self.processed() if self.processed() >= accepted else 0, 60)

    @property
    def pid(self):
        return self.service.process.pid

    def processed(self):
        return self.system.processors[0].get_json("/stats")["pool"]["processed"]
