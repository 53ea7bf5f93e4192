"""Frames of HTTP/2 (RFC 9113) as bytes, for what no well-behaved client would send."""

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
CANCEL = 8


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(
        ">I", stream) + payload


def header_block(fields):
    """HPACK (RFC 7541), literals without indexing only: nothing to remember on either side."""
    block = b""
    for name, value in fields:
        block += b"\x00" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode()
    return block


def call_headers(path, authority="localhost"):
    return header_block(((":method", "POST"), (":scheme", "http"), (":path", path),
                         (":authority", authority), ("content-type", "application/grpc"),
                         ("te", "trailers")))


def hello():
    return PREFACE + frame(SETTINGS, 0, 0)


def resets(path, count, first=1):
    """`count` calls that are opened and given up at once."""
    headers = call_headers(path)
    reset = struct.pack(">I", CANCEL)
    return b"".join(
        frame(HEADERS, END_HEADERS, stream, headers) + frame(RST_STREAM, 0, stream, reset)
        for stream in range(first, first + 2 * count, 2))
