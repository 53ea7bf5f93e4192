"""Ingest: the messages it judges, and the way to the queue."""

from boards import common
from panels import Board

NAME = "ingest"

BOARD = Board(
    "millrace-ingest", "Millrace: ingest",
    "Checks messages, gives them ids, and hands them to the queue. Its way to the processor is the "
    "memory queue's, also as a part of a composite; brokers are on the board of the queue.",
    f'job="millrace",service="{NAME}"',
    [common.state(NAME), common.intake(NAME), common.http(NAME), common.hop(NAME, "processor"),
     common.connections(NAME), common.resources(common.of(NAME))])
