"""What can go wrong, one function each: `scenario(queue, brokers, quick)` returns its Figures.

The invariant is the same in all: what was answered "accepted" is worked off, or a dead letter.
"""

import time

from field import Field, until_accepted
from harness import until, within

DRAIN_S = 10.0


def under_load(act, load_options=None, **field_options):
    """A scenario in which `act(field, load, quick)` happens while clients post."""
    def scenario(queue, brokers, quick):
        began = time.monotonic()
        with Field(queue, brokers, **field_options) as field:
            with field.load(**(load_options or {})) as load:
                until_accepted(load, 200)
                act(field, load, quick)
                until_accepted(load, 200)
            field.settle(load)
            field.stop()
            return field.figures(load, began)
    return scenario


def slow_handler(number):
    return {"fault": "slow:20"} if number % 3 == 0 else {}


def poison(number):
    return {"fault": ("reject", "throw", "retry")[number // 100 % 3]} if number % 100 == 0 else {}


def kill_door(field, load, quick):
    """The one that publishes."""
    for _ in range(1 if quick else 3):
        field.kill(field.doors[0])
        field.doors[0].start()
        until_accepted(load, 100)


def kill_processor(field, load, quick):
    processor = field.processors[0]
    for _ in range(1 if quick else 3):
        field.kill(processor)
        until_accepted(load, 100)  # the door doesn't need it
        processor.start()
        until_accepted(load, 100)


def kill_broker(field, load, quick):
    for broker in field.brokers:
        for _ in range(1 if quick else 2):
            broker.kill()
            until("clients are told", lambda: load.refused + load.unknown > 0, 20)
            broker.start()
            until_accepted(load, 100)


def stop_broker_for_a_while(field, load, quick):
    for broker in field.brokers:
        broker.suspend()
        time.sleep(3 if quick else 20)
        broker.resume()
        until_accepted(load, 100)


def cut_the_network(field, load, quick):
    for _ in range(1 if quick else 3):
        for proxy in field.proxies:
            proxy.cut()
        time.sleep(1)
        for proxy in field.proxies:
            proxy.restore()
        until_accepted(load, 100)


def rolling_restart(field, load, quick):
    for service in (*field.processors, *field.doors):
        service.stop()
        service.start()
        until_accepted(load, 50)


def full(field, load, quick):
    """A consumer that can't keep up, and a queue that takes 200: clients are refused, and told."""
    until("the queue is full", lambda: load.refused > 20, 30)


def one_of_two_dies(field, load, quick):
    first, second = field.processors
    field.kill(first)
    until_accepted(load, 200)
    first.start()
    until_accepted(load, 200)
    field.kill(second)
    until_accepted(load, 200)
    second.start()


def sigterm_without_broker(queue, brokers, quick):
    """Each service ends within its drain's limit though the broker stands still."""
    began = time.monotonic()
    settings = {"SHUTDOWN_TIMEOUT": "2s"}
    with Field(queue, brokers, settings=settings) as field:
        with field.load() as load:
            until_accepted(load, 200)
        field.settle(load)
        for broker in field.brokers:
            broker.suspend()
        for service in reversed(field.services):
            service.send_signal(15)
            with within(2 + 2 + 1):
                service.wait()
            service.process = None
        for broker in field.brokers:
            broker.resume()
        return field.figures(load, began)


def poison_in_every_hundred(queue, brokers, quick):
    """What fails is in the dead letters; put back once the handler is mended, it is worked off."""
    began = time.monotonic()
    with Field(queue, brokers) as field:
        with field.load(metadata=poison) as load:
            until_accepted(load, 500 if quick else 3000)
        field.settle(load)
        processor = field.processors[0]
        failed = {line["message_id"] for line in field.results() if not line["success"]}
        until("what failed is a dead letter", lambda: set(field.dead_letters()) == failed)
        processor.stop()
        processor.settings["HANDLER"] = "passthrough"
        processor.start()
        until("all are replayed", lambda: field.replay_all()["matched"] == 0)
        until("they are worked off", lambda: failed <= {
            line["message_id"] for line in field.results() if line["success"]})
        field.stop()
        figures = field.figures(load, began)
        figures.duplicates -= figures.failed  # a bad result and, after the replay, a good one
        return figures


SCENARIOS = {
    "kill -9 ingest": under_load(kill_door),
    "kill -9 processor at work": under_load(kill_processor, {"metadata": slow_handler}),
    "kill -9 broker": under_load(kill_broker),
    "broker stands still": under_load(stop_broker_for_a_while),
    "connection cut": under_load(cut_the_network, proxied=True),
    "rolling SIGTERM": under_load(rolling_restart),
    "poison in every hundred": poison_in_every_hundred,
    "full queue": under_load(full, {"metadata": lambda number: {"fault": "slow:5"}},
                             settings={"NATS_MAX_MESSAGES": 200, "PROCESSOR_WORKERS": 1}),
    "two processors, one dies": under_load(one_of_two_dies, processors=2),
    "SIGTERM without broker": sigterm_without_broker,
    "grpc: kill -9 server": under_load(kill_door, door="grpc"),
    "grpc: kill -9 broker": under_load(kill_broker, door="grpc"),
    "grpc: broker stands still": under_load(stop_broker_for_a_while, door="grpc"),
    "grpc: rolling SIGTERM": under_load(rolling_restart, door="grpc"),
}
# Kafka's bound is time and bytes, not messages: a slow consumer only makes the lag grow.
NOT_FOR = {("kafka", "full queue"), ("composite", "full queue")}
