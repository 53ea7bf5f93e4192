"""A load that must meet no error at all: whoever is replaced meanwhile refuses nobody."""

import threading

import wire
from load import Load


class StrictLoad(Load):
    """As Load, and counts who found nobody listening, or was cut off."""

    def __init__(self, port, **options):
        super().__init__(port, **options)
        self.not_connected = 0
        self._count = threading.Lock()

    def _connect(self):
        try:
            return wire.Connection(self.port, timeout_s=30)
        except OSError:
            with self._count:
                self.not_connected += 1
            self._over.wait(0.01)
            return None

    def expect_no_error(self):
        if self.refused or self.unknown or self.wrong or self.not_connected:
            raise AssertionError(
                f"{len(self.accepted)} accepted, {self.refused} refused, {self.unknown} unknown, "
                f"{self.not_connected} not connected, wrong: {self.wrong[:3]}")
