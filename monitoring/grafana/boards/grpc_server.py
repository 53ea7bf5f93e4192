"""The gRPC server: calls, streams, the messages in them, and the way to the queue."""

from boards import common
from boards.common import of, quantiles, rate
from panels import BYTES, COUNT, PER_SECOND, RATIO, REQUESTS, SECONDS, Board, Query, Row, timeseries

NAME = "grpc-server"
CALLS = of(NAME, 'grpc_method=~"Ingest.*"')
UNARY = of(NAME, 'grpc_method="Ingest"')
STREAMS = of(NAME, 'grpc_method=~"IngestStream|IngestAcks"')
# As in the rule millrace:grpc_errors:rate1m.
BAD = 'grpc_code=~"Unknown|DeadlineExceeded|ResourceExhausted|Internal|Unavailable|DataLoss"'


def calls():
    handled = rate("grpc_server_handled_total", CALLS)
    return Row("Calls", [
        timeseries("Calls", "Calls that ended, by method and code.", REQUESTS,
                   Query(f"sum by (grpc_method, grpc_code) ({handled})",
                         "{{grpc_method}} {{grpc_code}}"), stacked=True),
        timeseries("Errors", "The part of the calls that ended with a code the server answers for "
                   "(not INVALID_ARGUMENT, for instance). Above 5 % ErrorRateHigh fires.", RATIO,
                   Query(f"sum({rate('grpc_server_handled_total', CALLS + ',' + BAD)} or "
                         f"0 * {handled}) / sum({handled})", "errors"),
                   warn=0.01, bad=0.05, most=1),
        timeseries("Latency of single calls", "From a call's begin to its status.", SECONDS,
                   *quantiles("grpc_server_handling_seconds", UNARY), warn=0.1, bad=0.5),
        timeseries("Duration of streams", "From a stream's begin to its status. The scale of the "
                   "histogram ends at 10 s.", SECONDS,
                   *quantiles("grpc_server_handling_seconds", STREAMS, "grpc_method")),
        timeseries("Open calls", "Calls begun and not ended yet.", COUNT,
                   Query(f"sum by (grpc_method) (grpc_server_open_calls{{{CALLS}}})",
                         "{{grpc_method}}")),
        timeseries("Messages in calls", "Messages received and sent, by method.", PER_SECOND,
                   *[Query(f"sum by (grpc_method) ({rate(f'grpc_server_msg_{way}_total', CALLS)})",
                           way + " {{grpc_method}}") for way in ("received", "sent")]),
        timeseries("Held", "Bytes of messages that calls hold: what waits for the queue.", BYTES,
                   Query(f"millrace_grpc_held_bytes{{{of(NAME)}}}", "{{instance}}")),
    ])


BOARD = Board(
    "millrace-grpc-server", "Millrace: grpc-server",
    "The same ingest over gRPC: single calls and streams, and the way to the queue.",
    f'job="millrace",service="{NAME}"',
    [common.state(NAME), common.intake(NAME), calls(), common.connections(NAME, "grpc"),
     common.hop(NAME, "processor"), common.resources(common.of(NAME))])
