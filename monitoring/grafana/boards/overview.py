"""The overview: is it well, and if not, where does it begin."""

from boards import common
from panels import (COUNT, PER_SECOND, RATIO, REQUESTS, SECONDS, Board, Query, Row, gauge, stat,
                    table, timeseries)

ANY = 'service!="",instance=~"$instance"'
CLIENTS = 'route=~"ingest|ingest_batch|hop_ingest"'


def now():
    return Row("Now", [
        stat("Instances up", "Instances that answered the last scrape, by service.", COUNT,
             Query("millrace:instances_up:sum", "{{service}}"), width=6, warn=1,
             low_is_bad=True),
        stat("Alerts firing", "All that fire, also those that Alertmanager hides.", COUNT,
             Query('count(ALERTS{alertstate="firing"}) or vector(0)'), width=3, warn=1, bad=3),
        stat("Accepted", "Messages accepted per second, over REST and gRPC.", PER_SECOND,
             Query("millrace:flow_accepted:rate1m"), width=3),
        stat("Errors", "The worst service's part of failed requests.", RATIO,
             Query("max(millrace:errors:ratio_rate1m) or vector(0)"), width=4, warn=0.01, bad=0.05),
        stat("Accepted to worked off", "The slowest 1 % need so long, or longer.", SECONDS,
             Query("millrace:end_to_end_seconds:p99"), width=4, warn=1, bad=5),
        gauge("Queue", "How full the fullest queue is. 0 for one without a bound.", RATIO,
              Query("max(millrace:queue_fill:ratio) or vector(0)"), warn=0.5, bad=0.8, most=1),
    ])


def flow():
    steps = [("received", "1 received at the edge"), ("accepted", "2 accepted by the queue"),
             ("taken", "3 taken by workers"), ("processed", "4 result in the sink")]
    losses = [("failed", "not accepted"), ("retried", "to be tried again"),
              ("dead_lettered", "dead letters")]
    return Row("Flow, from edge to sink", [
        timeseries("Flow", "Messages per second at each step. 2 above 3: the queue grows. 3 above "
                   "4: retries, dead letters, or copies of a composite.", PER_SECOND,
                   *[Query(f"millrace:flow_{name}:rate1m", legend) for name, legend in steps],
                   width=16),
        timeseries("Beside the flow", "Messages that didn't go straight through.", PER_SECOND,
                   *[Query(f"millrace:flow_{name}:rate1m", legend) for name, legend in losses]),
    ])


def edge():
    return Row("Clients", [
        timeseries("Requests", "Requests for ingest and gRPC calls, by service and route.", REQUESTS,
                   Query(f"millrace:http_requests:rate1m{{{CLIENTS}}}", "{{service}} {{route}}"),
                   Query("millrace:grpc_calls:rate1m", "{{service}} {{grpc_method}}")),
        timeseries("Errors", "The part that failed, by service. Above 5 % ErrorRateHigh fires.",
                   RATIO, Query("millrace:errors:ratio_rate1m", "{{service}}"),
                   warn=0.01, bad=0.05, most=1),
        timeseries("Errors by route", "Requests and calls that failed.", REQUESTS,
                   Query(f"millrace:http_errors:rate1m{{{CLIENTS}}}", "{{service}} {{route}}"),
                   Query("millrace:grpc_errors:rate1m", "{{service}} {{grpc_method}}")),
        timeseries("Latency over REST", "At the gateway, from a whole request to its answer.",
                   SECONDS,
                   *[Query(f'millrace:http_seconds:{p}{{service="api-gateway",{CLIENTS}}}',
                           p + " {{route}}") for p in ("p50", "p95", "p99")], warn=0.1, bad=0.5),
        timeseries("Latency over gRPC", "Of single calls, from begin to status.", SECONDS,
                   *[Query(f'millrace:grpc_seconds:{p}{{grpc_method="Ingest"}}', p)
                     for p in ("p50", "p95", "p99")], warn=0.1, bad=0.5),
        timeseries("Accepted to worked off", "From acceptance to the result in the sink.", SECONDS,
                   *[Query(f"millrace:end_to_end_seconds:{p}", p) for p in ("p50", "p95", "p99")],
                   warn=1, bad=5),
    ])


def middle():
    return Row("Queue and workers", [
        timeseries("Queue depth", "Messages that wait, as each processor sees it.", COUNT,
                   Query("millrace_queue_depth_messages", "{{instance}}")),
        timeseries("Queue fill", "Waiting and in work, of the capacity. Above 80 % QueueNearlyFull "
                   "fires.", RATIO, Query("millrace:queue_fill:ratio", "{{instance}}"),
                   warn=0.5, bad=0.8, most=1),
        timeseries("Workers busy", "Those that have a batch in their hands, of all.", RATIO,
                   Query("millrace:pool_busy:ratio", "{{instance}}"), warn=0.8, bad=0.95, most=1),
        timeseries("Between the services", "Exchanges of the batching hops: p99.", SECONDS,
                   Query("millrace:hop_seconds:p99", "{{service}} to {{hop}}"), warn=0.1, bad=0.5),
        timeseries("Connections", "Client connections open, over HTTP and gRPC.", COUNT,
                   Query("sum by (service) (millrace_http_connections_open)", "{{service}} HTTP"),
                   Query("sum by (service) (millrace_grpc_connections_open)", "{{service}} gRPC")),
        table("Health", "Parts that services call not healthy.", "none",
              Query("max by (service, component) (millrace_health_status)"),
              ["service", "component"], width=8, warn=1, bad=2, names=common.HEALTH),
    ])


def alerts():
    return Row("Alerts", [
        table("Alerts firing", "What fires now; monitoring/README.md says of each what to do.",
              "none", Query('ALERTS{alertstate="firing"}'),
              ["alertname", "severity", "service", "instance"], width=24, warn=1),
    ])


BOARD = Board(
    "millrace-overview", "Millrace: overview",
    "The whole system: the flow from edge to sink, what clients feel, and what is near its limit.",
    'job="millrace"',
    [now(), flow(), edge(), middle(), common.resources(ANY, "Saturation"), alerts()])
