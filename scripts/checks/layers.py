#!/usr/bin/env python3
"""Keeps the arrows between the rooms of internal/: who may include whom, and which library's headers
may appear where. The tables below are the arrows; internal/README.md draws them."""

import re
import sys

import tree

# What a room may use. A path narrows it to that header or folder of the other room.
ARROWS = {
    "base": [],
    "config": ["base"],
    "observe": ["base"],
    "message": ["base", "diplom/v1"],
    "http": ["base", "observe", "millrace/v1"],
    "queue": ["base", "message", "observe", "diplom/v1"],
    "queue/remote": ["base", "message", "observe", "http", "diplom/v1", "millrace/v1"],
    "edge": ["base", "message", "observe", "http", "queue/producer.h",
             "queue/dead_letters.h", "diplom/v1", "millrace/v1"],
    "worker": ["base", "message", "observe", "queue/consumer.h", "queue/delivery.h",
               "queue/dead_letters.h", "sink/sink.h",
               # Dead letters are lines of a file, kept as the file sink keeps its results.
               "sink/append_file.h", "sink/backward_lines.h", "sink/proto_json.h", "diplom/v1"],
    "sink": ["base", "message", "observe", "diplom/v1"],
    "app": ["base", "config", "observe", "message", "http", "queue", "edge", "worker", "sink",
            "diplom/v1", "millrace/v1"],
    "cmd": ["app", "config", "base"],
}
GENERATED = ("diplom/v1", "millrace/v1")

# Headers of a library, and where they may be included: in any file, or in sources only. They are
# slow to compile or somebody's choice to exchange, so they stay behind a room's own header.
LIBRARIES = [
    (r"boost/(asio|beast)\b", {"any": ["internal/http"],
                                   "sources": ["internal/edge", "internal/app", "internal/queue/remote"]}),
    (r"nlohmann/(?!json_fwd)|simdjson\.h", {"sources": ["internal", "cmd"]}),
    (r"spdlog/|prometheus/", {"sources": ["internal/observe"]}),
    (r"nats/", {"any": ["internal/queue/nats"]}),
    (r"librdkafka/", {"any": ["internal/queue/kafka"]}),
    (r"grpc", {"any": ["internal/edge/grpc"]}),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
DEPS = re.compile(r"millrace_room\(\s*(\w+)(.*?)\)", re.DOTALL)


def room_of(path):
    """The row of ARROWS for a file, the longest that fits; None outside internal/ and cmd/."""
    if path.startswith("cmd/"):
        return "cmd"
    inside = path.removeprefix("internal/")
    if inside == path or "/" not in inside:
        return None
    rows = [row for row in ARROWS if inside.startswith(row + "/")]
    return max(rows, key=len, default=inside.split("/")[0])


def within(path, folders):
    return any(path == one or path.startswith(one + "/") for one in folders)


def check_ours(path, line, included):
    room = room_of(path)
    if room not in ARROWS:
        return [f"{path}:{line}: no row for the room '{room}' in the table of layers.py"]
    own = room.split("/")[0]
    generated = within(included, GENERATED)
    if not generated and included.split("/")[0] not in ARROWS:
        return []  # a file of tests/, or a library's
    allowed = ARROWS[room]
    if path.endswith("_test.cpp"):
        # A test may build the concrete part behind a seam, of a room its own room knows.
        allowed = [one if within(one, GENERATED) else one.split("/")[0] for one in allowed]
    if within(included, allowed) or (included.split("/")[0] == own and not generated):
        return []
    return [f"{path}:{line}: {room} may not use {included}; it may use: {', '.join(allowed) or '-'}"]


def check_library(path, line, included):
    for pattern, places in LIBRARIES:
        if not re.match(pattern, included):
            continue
        test = path.endswith("_test.cpp")
        folders = places.get("any", []) + ([] if path.endswith(".h") else places.get("sources", []))
        if not test and not within(path, folders):
            kind = "a header here" if path.endswith(".h") else "this folder"
            return [f"{path}:{line}: <{included}> may not be included by {kind}; "
                    f"only by {', '.join(folders) or 'sources'}"]
    return []


def check_source(path, text):
    findings = []
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match.group(1) == '"':
            findings += check_ours(path, line, match.group(2))
        findings += check_library(path, line, match.group(2))
    return findings


def check_cmake(path, text):
    """A room links what it may include, no more."""
    findings = []
    for match in DEPS.finditer(text):
        room = room_of(path)
        reach = {one.split("/")[0] for one in ARROWS.get(room, [])} | {"proto"}
        reach.add(room.split("/")[0])
        for used in re.findall(r"\bmillrace_(\w+)", match.group(2).partition("DEPS")[2]):
            if used.split("_")[0] not in reach:
                line = text.count("\n", 0, match.start()) + 1
                findings.append(f"{path}:{line}: {room} may not link millrace_{used}")
    return findings


def check_readme(text):
    """Each room has its line in internal/README.md."""
    rooms = sorted({row.split("/")[0] for row in ARROWS} - {"cmd"})
    return [f"internal/README.md: no line for the room '{room}'" for room in rooms
            if not re.search(rf"^\| \[?`{room}`", text, re.MULTILINE)]


def check(path, text):
    if path == "internal/README.md":
        return check_readme(text)
    if room_of(path) is None:
        return []
    if path.endswith("CMakeLists.txt"):
        return check_cmake(path, text) if path.startswith("internal/") else []
    return check_source(path, text) if path.endswith((".h", ".cpp")) else []


# What must be found, and what must not.
BROKEN = [
    ("internal/base/a.h", '#include "observe/log.h"'),
    ("internal/config/a.cpp", '#include "message/message.h"'),
    ("internal/http/a.cpp", '#include "message/message.h"'),
    ("internal/http/a.cpp", '#include "diplom/v1/diplom.pb.h"'),
    ("internal/edge/gateway/a.cpp", '#include "worker/pool.h"'),
    ("internal/worker/a.cpp", '#include "edge/ops.h"'),
    ("internal/edge/a.cpp", '#include "queue/consumer.h"'),
    ("internal/worker/a.cpp", '#include "queue/producer.h"'),
    ("internal/worker/a.cpp", '#include "sink/file_sink.h"'),
    ("internal/worker/a_test.cpp", '#include "edge/ops.h"'),
    ("internal/queue/memory/a.cpp", '#include "http/types.h"'),
    ("internal/sink/a.cpp", "\n#  include  \"app/service.h\""),
    ("internal/new_room/a.cpp", '#include "base/status.h"'),
    ("cmd/ingest/main.cpp", '#include "edge/ops.h"'),
    ("internal/edge/a.h", "#include <boost/asio/post.hpp>"),
    ("internal/worker/a.cpp", "#include <boost/beast/http.hpp>"),
    ("internal/message/json.h", "#include <nlohmann/json.hpp>"),
    ("internal/worker/a.cpp", "#include <spdlog/spdlog.h>"),
    ("internal/queue/memory/a.cpp", "#include <nats/nats.h>"),
    ("internal/app/a.cpp", "#include <librdkafka/rdkafka.h>"),
    ("internal/edge/gateway/a.cpp", "#include <grpcpp/server.h>"),
    ("internal/http/CMakeLists.txt", "millrace_room(http SOURCES a.cpp\n DEPS millrace_message)"),
    ("internal/README.md", "| `base` | |"),
]
SOUND = [
    ("internal/worker/a.cpp", '#include "worker/pool.h"\n#include "queue/consumer.h"'),
    ("internal/worker/a_test.cpp", '#include "queue/memory/memory_queue.h"\n#include "fakes/a.h"'),
    ("internal/queue/remote/a.cpp", '#include "http/upstream.h"\n#include "queue/producer.h"'),
    ("internal/app/a.cpp", '#include "sink/file_sink.h"\n#include <boost/asio/signal_set.hpp>'),
    ("internal/http/session.h", "#include <boost/asio/ip/tcp.hpp>"),
    ("internal/queue/nats/a.h", "#include <nats/nats.h>"),
    ("internal/http/CMakeLists.txt", "millrace_room(http SOURCES a.cpp DEPS millrace_base)"),
    ("tests/e2e/a.cpp", '#include "worker/pool.h"\n#include <boost/asio/post.hpp>'),
]


def self_test():
    wrong = [f"self-test: not found: {path}: {text!r}" for path, text in BROKEN
             if not check(path, text)]
    return wrong + [f"self-test: found by mistake: {finding}" for path, text in SOUND
                    for finding in check(path, text)]


def main():
    findings = self_test()
    names = tree.files()
    for name in names:
        if name.startswith(("internal/", "cmd/")):
            findings += check(name, tree.read(name).decode(errors="replace"))
    if "internal/README.md" not in names:
        findings.append("internal/README.md is missing")
    if findings:
        print("\n".join(findings), file=sys.stderr)
        print("layers: an arrow of internal/README.md is broken; move the code or pass the part in "
              "through an interface", file=sys.stderr)
        return 1
    print(f"layers: the arrows between {len(ARROWS)} rooms hold; {len(BROKEN)} broken ones are found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
