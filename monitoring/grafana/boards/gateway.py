"""The api-gateway: clients' requests, and the way to ingest."""

from boards import common
from panels import Board

NAME = "api-gateway"

BOARD = Board(
    "millrace-api-gateway", "Millrace: api-gateway",
    "The REST edge: what clients ask, what they are told, and the way to ingest.",
    f'job="millrace",service="{NAME}"',
    [common.state(NAME), common.http(NAME), common.hop(NAME, "ingest"), common.connections(NAME),
     common.resources(common.of(NAME))])
