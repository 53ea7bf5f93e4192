"""The queue, whichever it is, and the brokers as the services see them."""

from boards import common
from boards.common import of, quantiles, rate
from panels import (COUNT, PER_SECOND, RATIO, REQUESTS, SECONDS, Board, Query, Row, gauge, table,
                    timeseries)

PROCESSOR = of("processor")
ANY = 'instance=~"$instance"'
UP = {0: ("away", "red"), 1: ("there", "green")}


def depth():
    return Row("What waits", [
        gauge("Fill", "Waiting and in work, of the capacity; empty for a queue without a bound. "
              "Above 80 % QueueNearlyFull fires.", RATIO,
              Query(f"millrace:queue_fill:ratio{{{PROCESSOR}}}", "{{instance}}"), warn=0.5, bad=0.8,
              most=1),
        timeseries("Depth and capacity", "Messages that wait. Of a NATS stream every processor says "
                   "the same, in frames; of a Kafka topic each what is in its partitions. A "
                   "capacity of 0 is none.", COUNT,
                   Query(f"millrace_queue_depth_messages{{{PROCESSOR}}}", "depth {{instance}}"),
                   Query(f"millrace_queue_capacity_messages{{{PROCESSOR}}}",
                         "capacity {{instance}}"), width=10),
        timeseries("Growth", "By how much the depth changes, over 5 minutes. ConsumerLagGrowing "
                   "fires when it grows for 5 minutes.", PER_SECOND,
                   Query(f"millrace:queue_depth:deriv5m{{{PROCESSOR}}}", "{{instance}}"), width=10),
    ])


def publishing():
    routes = 'route=~"ingest|ingest_batch|hop_ingest|hop_enqueue"'
    return Row("In", [
        timeseries("Accepted and failed", "Messages that the queue took, and those it refused or "
                   "gave no answer for, by service.", PER_SECOND,
                   Query("sum by (service) "
                         f"({rate('millrace_ingest_sent_total', ANY)})", "accepted {{service}}"),
                   Query("sum by (service) "
                         f"({rate('millrace_ingest_failed_total', ANY)})", "failed {{service}}")),
        timeseries("Time to publish", "What the services before the queue need for a request, most "
                   "of which is the queue's answer.", SECONDS,
                   *quantiles("millrace_http_request_seconds",
                              f'{ANY},service=~"ingest|processor",{routes}', "service"),
                   warn=0.1, bad=0.5),
        timeseries("At the processor's own door", "Messages stored in, and refused by, what the "
                   "processor publishes to: the memory queue, /enqueue and replays.", PER_SECOND,
                   *[Query(f"sum({rate(f'millrace_queue_{what}_total', PROCESSOR)})", what)
                     for what in ("stored", "refused")]),
    ])


def receiving():
    return Row("Out", [
        timeseries("Deliveries", "Received by workers, and what became of them. Nacked: given back "
                   "without a verdict.", PER_SECOND,
                   *[Query(f"sum({rate(f'millrace_queue_{what}_total', PROCESSOR)})", what)
                     for what in ("received", "acked", "retried", "rejected", "nacked")], width=12),
        timeseries("Duplicates", "Deliveries of an id that was in work or done already: repeats of "
                   "clients, redeliveries, the other copies of a composite.", PER_SECOND,
                   Query(f"sum({rate('millrace_queue_duplicates_total', PROCESSOR)})",
                         "duplicates"), width=12),
    ])


def brokers():
    return Row("Brokers", [
        table("Connected", "Whether a service reaches its broker now. When it doesn't, "
              "BrokerUnreachable fires.", "none",
              Query(f"max by (service, instance, provider) (millrace_queue_connected{{{ANY}}})"),
              ["service", "instance", "provider"], names=UP, warn=1, low_is_bad=True),
        table("Providers of a composite", "Whether a provider can be published to. Empty for other "
              "queues.", "none",
              Query("max by (service, instance, provider) "
                    f"(millrace_composite_provider_up{{{ANY}}})"),
              ["service", "instance", "provider"], names=UP, warn=1, low_is_bad=True),
        timeseries("Stored by provider", "Messages that each provider of a composite stored.",
                   PER_SECOND,
                   Query(f"sum by (provider) ({rate('millrace_composite_stored_total', ANY)})",
                         "{{provider}}")),
        timeseries("Refused, unknown, missing by provider", "Refused; without an answer; accepted "
                   "though this provider doesn't have it.", PER_SECOND,
                   *[Query(f"sum by (provider) ({rate(f'millrace_composite_{what}_total', ANY)})",
                           what + " {{provider}}") for what in ("refused", "unknown", "missing")]),
        timeseries("Way to the memory queue", "Exchanges with the processor that publish: p99, by "
                   "service.", SECONDS,
                   Query(common.quantile(0.99, "millrace_hop_exchange_seconds",
                                         f'{ANY},hop="processor"', "service"), "{{service}}"),
                   warn=0.1, bad=0.5),
        timeseries("Requests to the memory queue", "Batches that the processor took over HTTP.",
                   REQUESTS,
                   Query("sum by (route, status) (" + rate(
                       "millrace_http_requests_total",
                       PROCESSOR + ',route=~"enqueue|hop_enqueue"') + ")",
                         "{{route}} {{status}}")),
    ])


BOARD = Board(
    "millrace-queue", "Millrace: queue and brokers",
    "The queue from accepted to settled. What is known of a broker is what the services see of it.",
    'job="millrace"', [depth(), publishing(), receiving(), brokers()])
