"""Frames of HTTP/2 (RFC 9113) as bytes, for what no well-behaved client would send."""

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
CANCEL, INITIAL_WINDOW_SIZE = 8, 4


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


def hello(window=None):
    """The client's first words; `window` bytes of each answer may come before it asks for more."""
    settings = b"" if window is None else struct.pack(">HI", INITIAL_WINDOW_SIZE, window)
    return PREFACE + frame(SETTINGS, 0, 0, settings)


def message(stream, encoded, flags=0):
    return frame(DATA, flags, stream, b"\x00" + struct.pack(">I", len(encoded)) + encoded)


def indexed_call(path, stream, authority="localhost"):
    """A call given up at once, whose headers the server remembers."""
    block = b"\x83\x86"  # POST, http
    for name, value in (("\x44", path), ("\x41", authority), ("\x5f", "application/grpc")):
        block += name.encode() + bytes((len(value),)) + value.encode()
    block += b"\x40\x02te\x08trailers"
    return frame(HEADERS, END_HEADERS, stream, block) + frame(
        RST_STREAM, 0, stream, struct.pack(">I", CANCEL))


def indexed_resets(count, first):
    """More calls like indexed_call(): some thirty bytes each."""
    block = b"\x83\x86\xc1\xc0\xbf\xbe"
    reset = struct.pack(">I", CANCEL)
    return b"".join(
        frame(HEADERS, END_HEADERS, stream, block) + frame(RST_STREAM, 0, stream, reset)
        for stream in range(first, first + 2 * count, 2))


def resets(path, count, first=1):
    """`count` calls that are opened and given up at once."""
    headers = call_headers(path)
    reset = struct.pack(">I", CANCEL)
    return b"".join(
        frame(HEADERS, END_HEADERS, stream, headers) + frame(RST_STREAM, 0, stream, reset)
        for stream in range(first, first + 2 * count, 2))
