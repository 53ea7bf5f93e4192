"""Who takes turns: each has a name, and measure() makes one run of it."""

import loads
from systems import Millrace, on_cores


class Server:
    """Of `system`, what listens at `urls` {kind of load: URL}."""

    def __init__(self, name, system, urls, cores):
        """`cores`: the load generator's."""
        self.name, self.system, self.urls, self.cores = name, system, urls, cores
        self.ours = isinstance(system, Millrace)

    def measure(self, kind, seconds, rate="max"):
        def send():
            return loads.http(self.urls[kind], kind, self.cores, seconds, rate, ours=self.ours)

        return loads.Measured(self.system, send)


class Stream:
    """Millrace by one gRPC stream; `kind` is how many messages go out with a write."""

    name = "millrace"
    FIRST_A_SECOND = 20_000

    def __init__(self, millrace, cores):
        self.system, self.cores = millrace, cores
        self.a_second = {}  # by kind, as the first run found: a stream is told how many, not how long

    def measure(self, kind, seconds):
        messages = int(self.a_second.get(kind, self.FIRST_A_SECOND) * seconds)
        measured = loads.Measured(self.system, lambda: loads.stream(
            self.system.grpc_port, self.cores, messages, kind))
        self.a_second.setdefault(kind, measured.rate)
        return measured


class Published:
    """One run of a broker's tool."""

    cpu_us = None
    report = {}

    def __init__(self, rate):
        self.rate = rate


class Tool:
    """A peers.BrokerTool, on the load generator's cores: it is a client, not a broker."""

    def __init__(self, tool, cores):
        self.name, self.tool, self.cores = tool.name, tool, cores

    def measure(self, _kind, _seconds):
        with on_cores(self.cores):
            return Published(self.tool.publish())
