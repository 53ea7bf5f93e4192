#!/usr/bin/env python3
"""The demo's client: posts messages, and compares what was accepted with what was worked off."""

import argparse
import base64
import http.client
import json
import pathlib
import socket
import sys
import threading
import time
import urllib.parse


def free_ports(count):
    # All are held until the last is found, so that they differ.
    holders = [socket.socket() for _ in range(count)]
    for holder in holders:
        holder.bind(("127.0.0.1", 0))
    print(*(holder.getsockname()[1] for holder in holders))
    for holder in holders:
        holder.close()
    return 0


class Poster(threading.Thread):
    """Posts its share of the messages one after the other over one kept connection."""

    def __init__(self, url, numbers):
        super().__init__()
        self.url, self.numbers = url, numbers
        self.ids, self.latencies_s, self.refused = [], [], []

    def run(self):
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=10)
        try:
            for number in self.numbers:
                self.post(connection, number)
        except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
            self.refused.append(f"connection failed: {error!r}")
        finally:
            connection.close()

    def post(self, connection, number):
        body = json.dumps(
            {"source": "demo", "data": f"message {number}", "metadata": {"number": str(number)}}
        )
        start = time.perf_counter()
        connection.request(
            "POST", "/api/v1/ingest", body, {"Content-Type": "application/json"}
        )
        response = connection.getresponse()
        text = response.read()
        self.latencies_s.append(time.perf_counter() - start)
        if response.status == 200:
            self.ids.append(json.loads(text)["messageId"])
        else:
            self.refused.append(f"{response.status} {text.decode(errors='replace').strip()}")


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def post(arguments):
    url = urllib.parse.urlsplit(arguments.url)
    posters = [
        Poster(url, range(first, arguments.messages, arguments.connections))
        for first in range(arguments.connections)
    ]
    start = time.perf_counter()
    for poster in posters:
        poster.start()
    for poster in posters:
        poster.join()
    wall_s = time.perf_counter() - start

    ids = [one for poster in posters for one in poster.ids]
    refused = [one for poster in posters for one in poster.refused]
    latencies_ms = sorted(1000 * one for poster in posters for one in poster.latencies_s)
    arguments.ids.write_text("".join(f"{one}\n" for one in ids), encoding="utf-8")
    print(f"  accepted  {len(ids)} of {arguments.messages} in {wall_s:.2f} s: "
          f"{len(ids) / wall_s:,.0f} messages/s (this Python client is the limit)")
    if latencies_ms:
        print(f"  latency   p50 {percentile(latencies_ms, 0.50):.2f} ms, "
              f"p99 {percentile(latencies_ms, 0.99):.2f} ms, max {latencies_ms[-1]:.2f} ms")
    for line in refused[:3]:
        print(f"  refused   {line}", file=sys.stderr)
    return 0 if len(ids) == arguments.messages else 1


def check(arguments):
    accepted = arguments.ids.read_text(encoding="utf-8").split()
    lines = arguments.results.read_text(encoding="utf-8").splitlines()
    results = [json.loads(line) for line in lines]
    done = [one["message_id"] for one in results if one.get("success")]

    lost = set(accepted) - set(done)
    unknown = set(done) - set(accepted)
    twice = len(done) - len(set(done))
    if lines:
        print(f"  a line    {lines[0]}")
        print(f"  its data  {base64.b64decode(results[0].get('result', '')).decode()!r}")
    print(f"  accepted {len(accepted)}, worked off {len(set(done))}, "
          f"lost {len(lost)}, twice {twice}, unknown {len(unknown)}")
    return 0 if accepted and not (lost or unknown or twice) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    ports = commands.add_parser("free-ports", help="print COUNT free ports")
    ports.add_argument("count", type=int)
    poster = commands.add_parser("post", help="post messages to the gateway at URL")
    poster.add_argument("url")
    poster.add_argument("--messages", type=int, default=500)
    poster.add_argument("--connections", type=int, default=8)
    poster.add_argument("--ids", type=pathlib.Path, required=True)
    checker = commands.add_parser("check", help="compare accepted ids with the sink's file")
    checker.add_argument("--ids", type=pathlib.Path, required=True)
    checker.add_argument("--results", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    if arguments.command == "free-ports":
        return free_ports(arguments.count)
    return post(arguments) if arguments.command == "post" else check(arguments)


if __name__ == "__main__":
    sys.exit(main())
