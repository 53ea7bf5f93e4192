"""HTTP at the level of bytes: sends anything, reads answers strictly.

A lenient client would hide exactly the faults these tests look for, so every deviation of an answer
from RFC 9112 raises WireError.
"""

import json
import re
import socket
import time

STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9]) ([\t\x20-\x7e]*)")
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_BYTES_MAX = 64 * 1024


class WireError(AssertionError):
    """The other end did not speak HTTP as it should."""


class Closed(WireError):
    """The connection ended before an answer was whole."""


class NoAnswer(Closed):
    """The connection ended before an answer began: what became of the request is unknown."""


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def header(self, name):
        """The value of the only header of that name; None when there is none."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        if len(found) > 1:
            raise WireError(f"{len(found)} {name} headers: {found}")
        return found[0] if found else None

    def json(self):
        return json.loads(self.body.decode("utf-8"))

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:300]!r}>"


def build(method, path, body=None, headers=None, version="1.1", host="test"):
    """The bytes of a well-formed request, plus or minus what `headers` says (None removes one)."""
    fields = {"Host": host}
    if body is not None:
        fields["Content-Type"] = "application/json"
        fields["Content-Length"] = str(len(body))
    fields.update(headers or {})
    lines = [f"{method} {path} HTTP/{version}"]
    lines += [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def chunked(*chunks, trailer=b""):
    """A body in the chunked coding."""
    coded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk)
    return coded + b"0\r\n" + trailer + b"\r\n"


class Connection:
    """A blocking connection. Every read has a deadline."""

    def __init__(self, port, timeout_s=10.0, receive_buffer=None, address="127.0.0.1"):
        self.timeout_s = timeout_s
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout_s)
        try:
            self.socket.connect((address, port))
        except OSError:
            self.socket.close()
            raise
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    @property
    def local_port(self):
        return self.socket.getsockname()[1]

    def send(self, data):
        self.socket.sendall(data)

    def send_if_open(self, data):
        """For bytes the other end need not wait for. False when it has closed."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def request(self, method, path, body=None, headers=None, **options):
        self.send(build(method, path, body, headers, **options))
        return self.read_response(head=method == "HEAD")

    def read_response(self, head=False):
        """The next final answer; interim ones are an error unless asked for by read_interim()."""
        status, headers = self._read_head()
        if status < 200:
            raise WireError(f"an interim answer {status} that nobody asked for")
        return self._read_body(status, headers, head)

    def read_interim(self):
        """The status of an interim (1xx) answer."""
        status, headers = self._read_head()
        if status >= 200:
            raise WireError(f"{status} instead of an interim answer")
        if headers:
            raise WireError(f"an interim answer with headers {headers}")
        return status

    def expect_close(self, timeout_s=5.0):
        """Returns when the other end closed and sent nothing more."""
        deadline = time.monotonic() + timeout_s
        while self._receive(deadline):
            pass
        if self.buffer:
            raise WireError(f"unexpected bytes after the last answer: {self.buffer[:200]!r}")

    def _read_head(self):
        deadline = time.monotonic() + self.timeout_s
        while b"\r\n\r\n" not in self.buffer:
            if len(self.buffer) > HEADER_BYTES_MAX:
                raise WireError("endless headers")
            if not self._receive(deadline):
                if not self.buffer:
                    raise NoAnswer("closed without an answer")
                raise Closed(f"closed after {self.buffer[:200]!r}")
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.split(b"\r\n")
        match = STATUS_LINE.fullmatch(lines[0])
        if not match:
            raise WireError(f"not a status line: {lines[0]!r}")
        return int(match.group(1)), [_parse_header(line) for line in lines[1:]]

    def _read_body(self, status, headers, head):
        response = Response(status, headers, b"")
        length = response.header("Content-Length")
        coding = response.header("Transfer-Encoding")
        if length is not None and coding is not None:
            raise WireError("Content-Length together with Transfer-Encoding")
        if head or status in (204, 304):
            return response
        if coding is not None:
            response.body = self._read_chunks(coding)
        elif length is not None:
            if not length.isdigit():
                raise WireError(f"Content-Length: {length!r}")
            response.body = self._take(int(length))
        else:
            raise WireError("an answer whose end only the connection's end tells")
        return response

    def _read_chunks(self, coding):
        if coding.lower() != "chunked":
            raise WireError(f"Transfer-Encoding: {coding!r}")
        body = b""
        while True:
            size = int(self._take_line(), 16)
            if size == 0:
                break
            body += self._take(size)
            if self._take(2) != b"\r\n":
                raise WireError("a chunk that does not end in CR LF")
        while self._take_line():
            pass
        return body

    def _take_line(self):
        deadline = time.monotonic() + self.timeout_s
        while b"\r\n" not in self.buffer:
            if not self._receive(deadline):
                raise Closed("closed within a chunked body")
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def _take(self, size):
        deadline = time.monotonic() + self.timeout_s
        while len(self.buffer) < size:
            if not self._receive(deadline):
                raise Closed(f"closed after {len(self.buffer)} of {size} bytes of a body")
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def _receive(self, deadline):
        """Adds to the buffer; False at the end of the stream. A reset counts as the end."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise WireError(f"nothing more within the deadline; had {self.buffer[:200]!r}")
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(65536)
        except socket.timeout as error:
            raise WireError(f"no answer within the deadline; had {self.buffer[:200]!r}") from error
        except ConnectionResetError:
            data = b""
        finally:
            self.socket.settimeout(self.timeout_s)
        self.buffer += data
        return bool(data)


def _parse_header(line):
    name, colon, value = line.partition(b":")
    if not colon or not TOKEN.fullmatch(name):
        raise WireError(f"not a header line: {line!r}")
    if any(byte < 0x20 and byte != 0x09 or byte == 0x7F for byte in value):
        raise WireError(f"a control character in a header: {line!r}")
    return name.decode("ascii"), value.strip(b" \t").decode("latin-1")


def request(port, method, path, body=None, headers=None, timeout_s=10.0, **options):
    """One request on a connection of its own."""
    with Connection(port, timeout_s) as connection:
        return connection.request(method, path, body, headers, **options)
