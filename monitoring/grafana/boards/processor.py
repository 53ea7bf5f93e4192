"""The processor: workers, handlers, results, dead letters."""

from boards import common
from boards.common import mean, of, quantile, quantiles, rate
from panels import (BYTES, COUNT, PER_SECOND, RATIO, SECONDS, Board, Query, Row, gauge, stat,
                    timeseries)

NAME = "processor"
ALL = of(NAME)


def rates(names, prefix):
    return [Query(f"sum({rate(f'{prefix}_{name}_total', ALL)})", name.replace("_", " "))
            for name in names]


def work():
    return Row("Work", [
        timeseries("Messages", "Worked off with success, given up (errors), given back to be tried "
                   "again, and taken from behind a slow handler (rescued).", PER_SECOND,
                   *rates(("processed", "errors", "retries", "rescued"), "millrace_pool"),
                   width=12),
        timeseries("Accepted to worked off", "From a message's acceptance to its result in the "
                   "sink. Above 5 s EndToEndSlow fires.", SECONDS,
                   *quantiles("millrace_end_to_end_seconds", ALL), width=12, warn=1, bad=5),
        timeseries("Handler", "To decode a message and run its handler.", SECONDS,
                   *quantiles("millrace_handler_seconds", ALL), width=12, warn=1, bad=10),
        timeseries("Messages a worker takes at once", "One on an idle queue, up to 64 under load.",
                   COUNT, Query(mean("millrace_pool_batch_size", ALL), "mean"),
                   Query(quantile(0.99, "millrace_pool_batch_size", ALL), "p99"), width=12),
    ])


def workers():
    return Row("Workers", [
        gauge("Busy", "Workers that have a batch in their hands, of all.", RATIO,
              Query(f"millrace:pool_busy:ratio{{{ALL}}}", "{{instance}}"), warn=0.8, bad=0.95,
              most=1),
        stat("Stuck", "Workers in a handler for longer than HANDLER_TIMEOUT. WorkersStuck fires.",
             COUNT, Query(f"sum(millrace_pool_stuck_workers{{{ALL}}})"), bad=1),
        timeseries("Workers", "Threads, those that have a batch, and those that are stuck.", COUNT,
                   Query(f"sum(millrace_pool_workers{{{ALL}}})", "all"),
                   Query(f"sum(millrace_pool_busy_workers{{{ALL}}})", "busy"),
                   Query(f"sum(millrace_pool_stuck_workers{{{ALL}}})", "stuck")),
        timeseries("In flight", "Messages received by the pool and not settled.", COUNT,
                   Query(f"millrace_pool_in_flight{{{ALL}}}", "{{instance}}")),
    ])


def ends():
    return Row("Results and dead letters", [
        timeseries("Sink", "Batches of results written, and writes that failed: nothing is settled "
                   "until they succeed.", PER_SECOND,
                   *rates(("writes", "write_failures"), "millrace_sink")),
        timeseries("Dead letters", "Written, and put back into the queue by /dlq/replay.",
                   PER_SECOND,
                   Query(f"sum({rate('millrace_pool_dead_letters_total', ALL)})", "written"),
                   Query(f"sum({rate('millrace_dead_letters_replayed_total', ALL)})", "replayed"),
                   Query(f"sum({rate('millrace_dead_letter_write_failures_total', ALL)})",
                         "failed to write")),
        timeseries("Free disk", "On the disks of the results and of the dead letters. Below 10 % "
                   "DiskNearlyFull fires.", RATIO,
                   Query(f"millrace:disk_free:ratio{{{ALL}}}", "{{instance}} {{file}}"),
                   warn=0.2, bad=0.1, low_is_bad=True, most=1),
        timeseries("Free disk, in bytes", "The same, as bytes.", BYTES,
                   Query(f"millrace_disk_free_bytes{{{ALL}}}", "{{instance}} {{file}}")),
    ])


BOARD = Board(
    "millrace-processor", "Millrace: processor",
    "Takes messages from the queue and works them off. The queue itself has a board of its own.",
    f'job="millrace",service="{NAME}"',
    [common.state(NAME), work(), workers(), ends(), common.http(NAME), common.connections(NAME),
     common.resources(ALL)])
