"""Which measurements are made of a system, in which order, and under which names they are recorded."""

import statistics
import sys
import time
import types

import bench_queues
import loads
import quantiles
import systems

RATE = "accepted and worked off"
CPU = "CPU per message"
LEVELS = (0.1, 0.5, 0.8)
OPEN_RATE = 10_000
STREAM_MESSAGES = 300_000


def progress(text):
    print(text, file=sys.stderr, flush=True)


def in_turn(contestants, run):
    return contestants if run % 2 == 0 else contestants[::-1]


class Suite:
    def __init__(self, record, millrace, load_cores, options):
        self.record = record
        self.millrace = millrace
        self.cores = load_cores
        self.runs = options.runs
        self.seconds = options.seconds

    def beside(self, peers):
        """Of the memory queue, beside all that can be had."""
        nginx = peers[0]
        benthos = [("Benthos", peer, peer.urls) for peer in peers[1:]]
        self.started()
        single = self.saturate("single POST", "single", [
            *((name, nginx, {"single": url}) for name, url in nginx.urls.items()), *benthos])
        answering = {"ingest": nginx.urls["nginx return 200"]}
        self.saturate("POST to ingest", "ingest", [("nginx return 200", nginx, answering)])
        self.saturate("NDJSON of 1000", "batch", benthos)
        self.streams()
        proxy = ("nginx proxy", nginx, {"single": nginx.urls["nginx proxy"]})
        self.latencies(OPEN_RATE, f"{OPEN_RATE}/s", [proxy])
        self.levels(single, [proxy])
        self.memory()

    def alone(self, brokers):
        """Of a queue with brokers, beside their own tools."""
        single = self.saturate("single POST", "single", [])
        self.saturate("NDJSON of 1000", "batch", [])
        self.tools(brokers)
        self.streams()
        self.levels(single, [])
        self.memory()

    def add(self, subject, contestant, measure, unit, runs, **conditions):
        self.record.add(f"{subject} / {self.millrace.queue}", contestant, measure, unit, runs,
                        **conditions)

    def http(self, system, url, kind, rate="max", ours=True):
        def send():
            report = loads.http(url, kind, self.cores, self.seconds, rate, ours=ours)
            if failed := loads.failures(report):
                progress(f"  {url}: {failed:,} of {report['sent']:,} weren't answered with 200: "
                         f"{report['status']} {report['errors']}")
            return report["accepted_messages"], report["wall_s"], report

        return loads.Measured(system, send)

    def saturate(self, subject, kind, others):
        """Our median rate. `others`: (name, system, URLs by kind)"""
        contestants = [("millrace", self.millrace, None), *others]
        found = {name: [] for name, _, _ in contestants}
        for run in range(-1, self.runs):  # the first warms up
            for name, system, urls in in_turn(contestants, run):
                url = self.millrace.url(kind) if urls is None else urls[kind]
                measured = self.http(system, url, kind, ours=urls is None)
                if run >= 0:
                    found[name].append(measured)
        for name, measured in found.items():
            self.told(subject, name, measured)
        return statistics.median(one.rate for one in found["millrace"])

    def told(self, subject, name, measured):
        self.add(subject, name, RATE, "messages/s", [one.rate for one in measured])
        self.add(subject, name, CPU, "µs", [one.cpu_us for one in measured])
        rates = sorted(one.rate for one in measured)
        progress(f"  {subject}, {name}: {statistics.median(rates):,.0f}/s "
                 f"({rates[0]:,.0f} to {rates[-1]:,.0f}), CPU "
                 f"{statistics.median(one.cpu_us for one in measured):.2f} us a message")

    def streams(self):
        for a_write, subject in ((1, "gRPC stream, single messages"), (16, "gRPC stream, 16 a write")):
            def send(a_write=a_write):
                report = loads.stream(self.millrace.grpc_port, self.cores, STREAM_MESSAGES, a_write)
                return report["accepted"], report["seconds"], report

            measured = [loads.Measured(self.millrace, send) for _ in range(self.runs + 1)]
            self.told(subject, "millrace", measured[1:])

    def tools(self, brokers):
        """What publishes with the broker's own means, onto a stream or topic of its own."""
        for name in brokers:
            if len(brokers) > 1:
                return
            tool = {"nats": bench_queues.Nats, "kafka": bench_queues.Kafka}[name](
                brokers, types.SimpleNamespace(bytes=64))
            tool.run("ours", "publish", "bench-tool", 1)  # creates it, and knows a message's size
            rates = [tool.run("theirs", "publish", "bench-tool") for _ in range(self.runs)]
            self.add("NDJSON of 1000", "the broker's own tool", RATE, "messages/s", rates)
            progress(f"  {name}'s own tool publishes {statistics.median(rates):,.0f}/s")

    def levels(self, saturation, others):
        for level in LEVELS:
            self.latencies(int(level * saturation), f"{level:.0%} of saturation", others)

    def latencies(self, rate, words, others):
        """From an open loop of single POSTs; each run's percentiles are a run of their row."""
        contestants = [("millrace", self.millrace, None), *others]
        found = {}
        for run in range(self.runs):
            for name, system, urls in in_turn(contestants, run):
                url = self.millrace.url("single") if urls is None else urls["single"]
                before = self.millrace.ages() if urls is None else None
                report = self.http(system, url, "single", rate, urls is None).report
                self.note(found, name, "until accepted", (
                    (share, micros / 1000) for share, micros in report["latency_us"].items()))
                if before is not None:
                    self.note(found, name, "until worked off",
                              quantiles.of(before, self.millrace.ages()))
        for (name, measure), values in found.items():
            self.add("single POST", name, measure, "ms", values, rate=words)
        p99 = {name: statistics.median(values) for (name, measure), values in found.items()
               if measure == "p99 until accepted"}
        progress(f"  at {words} ({rate:,}/s): p99 until accepted, ms: "
                 + ", ".join(f"{name} {value:.2f}" for name, value in p99.items()))

    @staticmethod
    def note(found, name, what, percentiles):
        for share, milliseconds in percentiles:
            key = (name, f"{share.replace('_', '.')} {what}")
            found.setdefault(key, []).append(milliseconds)

    def memory(self):
        """At the end of it all."""
        self.add("all of this suite", "millrace", "resident memory", "MB",
                 [systems.resident_mb(self.millrace.pids)])

    def started(self):
        slowest = []
        for _ in range(self.runs):
            with systems.Millrace("memory", {}, self.cores) as fresh:
                slowest.append(max(fresh.start_ms.values()))
        self.record.add("start to ready", "millrace", "slowest executable", "ms", slowest)
        progress(f"  start to ready: {statistics.median(slowest):.0f} ms")
        time.sleep(0.5)
