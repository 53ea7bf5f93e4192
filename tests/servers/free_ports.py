"""Ports for servers that tests start, services and brokers alike."""

import socket

_given_ports = set()


def free_port():
    """One that nobody listens at, and that wasn't given out here before: the kernel may repeat itself."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in _given_ports:
            _given_ports.add(port)
            return port
