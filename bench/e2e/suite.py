"""Which measurements are made of Millrace on one queue, and in which order."""

import statistics
import time

import peers
import quantiles
import rows
import systems
from contestants import Server, Stream, Tool
from loads import BATCH, PAYLOAD_BYTES
from session import in_turn, progress

LEVELS = (0.1, 0.5, 0.8)
OPEN_RATE = 10_000
# Requests that show a level's tail, if they can be sent in time: p99.9 of POSTs, p99 of batches.
TAIL_REQUESTS = {"single": 10_000, "batch": 1_000}
STREAMS = {1: "gRPC stream, single messages", 16: "gRPC stream, 16 a write"}
WARM_UP_S = 0.5
IDLE_S = 5


class Suite:
    def __init__(self, record, millrace, load_cores, cores, layout, options):
        self.rows = rows.Rows(record, millrace.queue)
        self.millrace, self.layout = millrace, layout
        self.cores, self.server_cores = load_cores, cores
        self.runs, self.seconds = options.runs, options.seconds
        self.ours = self.server("millrace", millrace, millrace.urls)

    def server(self, name, system, urls):
        return Server(name, system, urls, self.cores)

    def beside(self, nginx, benthos):
        """Of the memory queue, beside all that can be had. `benthos`: a list, it may be empty."""
        proxy = self.server("nginx proxy", nginx, {"single": nginx.proxy})
        answering = self.server("nginx return 200", nginx,
                                {"single": nginx.answering, "ingest": nginx.answering})
        others = [self.server("Benthos", one, one.urls) for one in benthos]
        self.started()
        single = self.saturate("single POST", "single", [self.ours, proxy, answering, *others])
        self.saturate("POST to ingest", "ingest", [self.ours, answering])
        batch = self.saturate("NDJSON of 1000", "batch", [self.ours, *others])
        self.streams()
        everybody = [self.ours, proxy, answering, *others]
        self.latencies("single POST", "single", {one: OPEN_RATE for one in everybody}, self.seconds,
                       rate=f"{OPEN_RATE}/s")
        self.levels("single POST", "single", [self.ours, proxy], single)
        self.levels("NDJSON of 1000", "batch", [self.ours, *others], batch)
        self.at_rest()

    def alone(self, brokers):
        """Of a queue with brokers, beside the broker's own tool if it is one."""
        tools = [Tool(peers.BrokerTool(self.millrace.queue, brokers, PAYLOAD_BYTES), self.cores)
                 ] if len(brokers) == 1 else []
        single = self.saturate("single POST", "single", [self.ours])
        batch = self.saturate("NDJSON of 1000", "batch", [self.ours, *tools])
        self.streams()
        self.levels("single POST", "single", [self.ours], single)
        self.levels("NDJSON of 1000", "batch", [self.ours], batch)
        self.at_rest()

    def saturate(self, subject, kind, contestants):
        """{name: median of messages per second}"""
        found = {one.name: [] for one in contestants}
        for run in range(-1, self.runs):  # the first warms up
            for one in in_turn(contestants, run):
                measured = one.measure(kind, self.seconds)
                if run >= 0:
                    found[one.name].append(measured)
        for name, measured in found.items():
            self.told(subject, name, measured)
        return {name: statistics.median(one.rate for one in measured)
                for name, measured in found.items()}

    def told(self, subject, name, measured):
        warning = self.rows.saturation(subject, name, measured)
        rates = sorted(one.rate for one in measured)
        words = (f"  {subject}, {name}: {statistics.median(rates):,.0f}/s "
                 f"({rates[0]:,.0f} to {rates[-1]:,.0f})")
        if measured[0].cpu_us is not None:
            words += f", CPU {statistics.median(one.cpu_us for one in measured):.2f} us a message"
        progress(f"{words}; {warning}" if warning else words)

    def streams(self):
        """The two take turns; there is no peer here (bench-grpc has one)."""
        stream, found = Stream(self.millrace, self.cores), {kind: [] for kind in STREAMS}
        for run in range(-1, self.runs):
            for kind in in_turn(list(STREAMS), run):
                measured = stream.measure(kind, self.seconds)
                if run >= 0:
                    found[kind].append(measured)
        for kind, subject in STREAMS.items():
            self.told(subject, stream.name, found[kind])

    def levels(self, subject, kind, contestants, saturation):
        """Each at shares of what it takes itself; in the layout "shared" only."""
        if self.layout != "shared":
            return
        for level in LEVELS:
            for_each = {one: max(1, round(saturation[one.name] * level / (
                BATCH if kind == "batch" else 1))) for one in contestants}
            wanted = TAIL_REQUESTS[kind] / min(for_each.values())
            seconds = min(max(wanted, self.seconds / 2), self.seconds * 2)
            self.latencies(subject, kind, for_each, seconds,
                           share=f"{level:.0%} of its own saturation")

    def latencies(self, subject, kind, rates, seconds, **conditions):
        """From an open loop; each run's percentiles are a run of their row. `rates`: requests/s of each
        contestant; where they aren't all the same they are part of the conditions."""
        found = {one: [] for one in rates}
        for run in range(-1, self.runs):
            for one in in_turn(list(rates), run):
                made = self.one_latency(one, kind, WARM_UP_S if run < 0 else seconds, rates[one])
                if run >= 0:
                    found[one].append(made)
        p99 = []
        for one, runs in found.items():
            milliseconds = {measure: [made[0][measure] for made in runs] for measure in runs[0][0]}
            warning = self.rows.latency(subject, one.name, milliseconds, [made[1] for made in runs],
                                        {"rate": f"{rates[one]}/s"} | conditions)
            shown = milliseconds.get("p99 until accepted") or milliseconds["max until accepted"]
            p99.append(f"{one.name} at {rates[one]:,}/s {statistics.median(shown):.2f}"
                       + (f" ({warning})" if warning else ""))
        progress(f"  {subject}, {' '.join(conditions.values())}: p99 until accepted, ms: "
                 + ", ".join(p99))

    @staticmethod
    def one_latency(one, kind, seconds, rate):
        """({measure: milliseconds}, the generator's report)"""
        before = one.system.ages() if one.ours else None
        report = one.measure(kind, seconds, rate).report
        shares = rows.shares_of(report["planned"])
        micros = report["latency_us"]
        made = {f"{name} until accepted": micros[name.replace(".", "_")] / 1000
                for name in [*shares, "max"]}
        if before is not None:
            limits = quantiles.at_most_ms(before, one.system.ages(), shares)
            made |= {f"{name} until worked off, at most": value for name, value in limits.items()}
        return made, report

    def at_rest(self):
        """Memory over a soak, then CPU while nothing comes."""
        services, memory = self.millrace.services, {}
        for _ in range(self.runs):
            self.ours.measure("single", self.seconds)
            for service in services:
                memory.setdefault(service.name, []).append(systems.pss_mb(service.process.pid))
        before = {one.name: systems.cpu_seconds([one.process.pid]) for one in services}
        time.sleep(IDLE_S)
        for one in services:
            idle = (systems.cpu_seconds([one.process.pid]) - before[one.name]) / IDLE_S * 100
            held = memory[one.name]
            self.rows.add(f"soak, {one.name}", "millrace", "memory (PSS)", "MB", held)
            self.rows.add(f"soak, {one.name}", "millrace", "growth of memory, first to last run", "MB",
                          [held[-1] - held[0]])
            self.rows.add(f"idle, {one.name}", "millrace", "CPU", "%", [idle])
            progress(f"  {one.name}: {held[-1]:.1f} MB, grown by {held[-1] - held[0]:.1f} MB; "
                     f"idle CPU {idle:.1f} %")

    def started(self):
        slowest = []
        for _ in range(self.runs):
            with systems.on_cores(self.server_cores), systems.Millrace(
                    "memory", {}, self.server_cores) as fresh:
                slowest.append(max(fresh.start_ms.values()))
        self.rows.record.add("start to ready", "millrace", "slowest executable", "ms", slowest)
        progress(f"  start to ready: {statistics.median(slowest):.1f} ms")
