"""Rows that several boards have. `service` is the label's value; $instance narrows it."""

from panels import (BYTES, COUNT, PER_SECOND, RATIO, REQUESTS, SECONDS, Query, Row, stat, table,
                    timeseries)

HEALTH = {0: ("healthy", "green"), 1: ("warning", "yellow"), 2: ("unhealthy", "red")}
# An operator's questions aren't clients' requests.
NO_PROBES = 'route!~"livez|readyz|health|metrics|stats"'


def of(service, more=""):
    """The inside of a selector."""
    return f'service="{service}",instance=~"$instance"' + ("," + more if more else "")


def rate(metric, selector):
    return f"rate({metric}{{{selector}}}[$__rate_interval])"


def quantile(q, metric, selector, *labels):
    by = ", ".join([*labels, "le"])
    return f"histogram_quantile({q}, sum by ({by}) ({rate(metric + '_bucket', selector)}))"


def quantiles(metric, selector, *labels):
    """p50, p95 and p99, of each combination of labels."""
    legend = "".join(f" {{{{{label}}}}}" for label in labels)
    return [Query(quantile(q, metric, selector, *labels), name + legend)
            for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))]


def mean(metric, selector, *labels):
    by = f"sum by ({', '.join(labels)})" if labels else "sum"
    return f"{by} ({rate(metric + '_sum', selector)}) / {by} ({rate(metric + '_count', selector)})"


def state(service):
    return Row("State", [
        stat("Instances up", "Instances that answered the last scrape.", COUNT,
             Query(f'sum(up{{{of(service)}}}) or vector(0)'), warn=1, low_is_bad=True),
        stat("Restarts in an hour", "How often an instance began anew at the same address.", COUNT,
             Query(f"sum(changes(process_start_time_seconds{{{of(service)}}}[1h]))"),
             warn=1, bad=3),
        table("Health", "What the service says of its parts, as /health does.", "none",
              Query(f"max by (instance, component) (millrace_health_status{{{of(service)}}})"),
              ["instance", "component"], width=8, warn=1, bad=2, names=HEALTH),
        table("Build", "What runs: versions differ while an update is under way.", "none",
              Query(f"millrace_build_info{{{of(service)}}}"),
              ["instance", "version", "build_type", "compiler"], width=8),
    ])


def http(service):
    selector = of(service, NO_PROBES)
    errors = 'status=~"5..|other"'
    return Row("HTTP", [
        timeseries("Requests", "Requests answered, by route and status. Probes are left out.",
                   REQUESTS, Query(f"sum by (route, status) "
                                   f"({rate('millrace_http_requests_total', selector)})",
                                   "{{route}} {{status}}"), stacked=True),
        timeseries("Errors", "The part of the requests answered 5xx. Above 5 % ErrorRateHigh fires.",
                   RATIO,
                   Query(f"sum({rate('millrace_http_requests_total', selector + ',' + errors)} "
                         f"or 0 * {rate('millrace_http_requests_total', selector)}) / "
                         f"sum({rate('millrace_http_requests_total', selector)})", "errors"),
                   warn=0.01, bad=0.05, most=1),
        timeseries("Latency", "From a request being whole to its answer being ready.", SECONDS,
                   *quantiles("millrace_http_request_seconds", selector, "route"),
                   warn=0.1, bad=0.5),
    ])


def connections(service, door="http"):
    """`door`: http, or grpc for the gRPC server's own port."""
    name = f"millrace_{door}_connections"
    ended = ("timed_out", "closed for being too slow") if door == "http" else (
        "closed", "closed to get memory back")
    return Row("Connections" if door == "http" else "gRPC connections", [
        timeseries("Open", "Client connections open now. MAX_CONNECTIONS bounds them (gRPC: "
                   "GRPC_MAX_CONNECTIONS).", COUNT,
                   Query(f"{name}_open{{{of(service)}}}", "{{instance}}"), width=12),
        timeseries("Opened and refused", "Connections accepted, turned away (over a limit, or out "
                   f"of descriptors), and {ended[1]}.", PER_SECOND,
                   *[Query(f"sum({rate(f'{name}_{what}_total', of(service))})",
                           what.replace("_", " ")) for what in ("accepted", "refused", ended[0])],
                   width=12),
    ])


def hop(service, to):
    selector = of(service, f'hop="{to}"')
    return Row(f"To {to}", [
        timeseries("Exchange", f"Time of one exchange with {to}, which carries many items.",
                   SECONDS, *quantiles("millrace_hop_exchange_seconds", selector),
                   warn=0.1, bad=0.5),
        timeseries("Items per exchange", "How far the hop batches: the more load, the larger.",
                   COUNT, Query(mean("millrace_hop_batch_size", selector), "mean"),
                   Query(quantile(0.99, "millrace_hop_batch_size", selector), "p99")),
        timeseries("Failures and new connections", "Exchanges that failed before anything was "
                   "sent, that were sent without an answer in time, and connections opened.",
                   PER_SECOND,
                   *[Query(f"sum({rate(f'millrace_hop_{what}_total', selector)})",
                           what.replace("_", " "))
                     for what in ("unavailable", "unknown", "connections_opened")]),
    ])


def intake(service):
    """What ingest, over either protocol, took in."""
    return Row("Messages", [
        timeseries("Messages", "Received and valid; accepted, for the queue has them; failed, for "
                   "it refused them or gave no answer.", PER_SECOND,
                   *[Query(f"sum({rate(f'millrace_ingest_{name}_total', of(service))})", word)
                     for name, word in (("received", "received"), ("sent", "accepted"),
                                        ("failed", "failed"))], width=12),
        timeseries("Failed", "The part of the messages that failed.", RATIO,
                   Query(f"sum({rate('millrace_ingest_failed_total', of(service))}) / "
                         f"(sum({rate('millrace_ingest_received_total', of(service))}) > 0)",
                         "failed"), width=12, warn=0.01, bad=0.05, most=1),
    ])


def resources(selector, title="Process"):
    """`selector`: of which processes."""
    legend = "{{service}} {{instance}}"
    return Row(title, [
        timeseries("CPU", "Cores in use, user and system time.", COUNT,
                   Query(f"rate(process_cpu_seconds_total{{{selector}}}[$__rate_interval])",
                         legend)),
        timeseries("Memory", "Resident memory.", BYTES,
                   Query(f"process_resident_memory_bytes{{{selector}}}", legend)),
        timeseries("Memory of its limit", "Above 90 % MemoryNearLimit fires. Without a limit of the "
                   "container it is the machine's memory.", RATIO,
                   Query(f"millrace:memory_used:ratio{{{selector}}}",
                         legend), warn=0.75, bad=0.9, most=1),
        timeseries("File descriptors of their limit", "Above 80 % DescriptorsNearlyUsedUp fires.",
                   RATIO,
                   Query(f"millrace:descriptors_used:ratio{{{selector}}}", legend),
                   warn=0.6, bad=0.8, most=1),
        timeseries("Open file descriptors", "Connections, files, and a few of the process itself.",
                   COUNT, Query(f"process_open_fds{{{selector}}}", legend)),
        timeseries("Threads", "Threads of the process; they are made at its start.", COUNT,
                   Query(f"process_threads{{{selector}}}", legend)),
    ])
