#!/usr/bin/env python3
"""Reads the tree and says "this is banned, use that". Each rule brings examples it must find and
examples it must leave alone; they are tried on every run."""

import dataclasses
import fnmatch
import re
import stat
import sys

import tree

CPP = r"\.(h|cpp)$"
TEXT = r"^(?!tests/fuzz/seeds/|results/).*"
SCRIPT = r"(\.(sh|py|awk)|^\.ci/run)$"

# What of a C++ source a rule looks at; of other files it sees everything.
CODE, CODE_AND_STRINGS, ALL = "code", "code and strings", "all"


@dataclasses.dataclass
class Rule:
    """A pattern that no line of the named files may match."""

    name: str
    files: str  # which paths
    banned: str
    instead: str
    bad: list  # (path, text) in which the rule finds something
    good: list  # (path, text) in which it doesn't
    except_in: str = r"^$"
    look: str = CODE


RULES = [
    Rule("detach", CPP, r"\.\s*detach\s*\(\s*\)", "keep the thread in a std::jthread and join it",
         [("internal/a.cpp", "worker.detach();"), ("tests/a.cpp", "std::thread(f) . detach ( );")],
         [("internal/a.cpp", "// never detach();\nthread.join();")]),
    Rule("naked new", CPP, r"(?<!operator )\bnew\b\s*[A-Za-z_:(]",
         "std::make_unique, a container or std::construct_at",
         [("internal/a.cpp", "auto* a = new Thing;"), ("internal/a.h", "new (place) Thing")],
         [("internal/a.cpp", "int new_size = 1;  // a new one\nlog(\"new thing\");"),
          ("tests/a.cpp", "void* operator new(std::size_t size);")]),
    Rule("naked delete", CPP, r"(?<!operator )(?<!= )\bdelete\b(\[\])?\s*[A-Za-z_:*(]",
         "an owner such as std::unique_ptr",
         [("internal/a.cpp", "delete thing;"), ("internal/a.cpp", "delete[] things;")],
         [("internal/a.h", "Thing(const Thing&) = delete;"),
          ("tests/a.cpp", "void operator delete(void* p) noexcept;")]),
    Rule("leftover marker", TEXT, r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b",
         "do it, or write an issue",
         [("internal/a.cpp", "// TO" "DO later"), ("Makefile", "# FIX" "ME")],
         [("scripts/a.sh", "mktemp -t a.XX" "XXXX")], look=ALL),
    Rule("sleep", CPP, r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(",
         "wait for a named event with a deadline, or advance a ManualClock",
         [("internal/a.cpp", "std::this_thread::sleep_for(1s);"), ("tests/a.cpp", "usleep(5);")],
         [("internal/base/clock.cpp", "std::this_thread::sleep_for(1s);")],
         except_in=r"^internal/base/clock"),
    Rule("std::endl", CPP, r"\bstd::endl\b", r"'\n'; it need not flush",
         [("cmd/a.cpp", "out << std::endl;")], [("cmd/a.cpp", "out << '\\n';")]),
    Rule("using namespace std", CPP, r"\busing\s+namespace\s+std\s*;", "std:: where it is used",
         [("internal/a.cpp", "using namespace std;")],
         [("internal/a.cpp", "using namespace std::chrono_literals;")]),
    Rule("printing", r"^internal/(?!app/|config/).*" + CPP,
         r"\b(std::(cout|cerr|clog|print)|(?:f|v|vf)?printf|puts)\b", "the logger of observe",
         [("internal/worker/a.cpp", "std::cout << 1;"), ("internal/http/a.cpp", "printf(\"a\");")],
         [("internal/app/help.cpp", "std::cout << 1;"),
          ("internal/http/a.cpp", "std::snprintf(buffer, 8, \"a\");"),
          ("internal/http/a_test.cpp", "std::cout << 1;")], except_in=r"_test\.cpp$"),
    Rule("stray port", r"^(internal|cmd|scripts|bench|Makefile)", r"\b(8080|8081|8082|50052|9095)\b",
         "the setting (config::Settings; in scripts: setting SERVICE NAME)",
         [("internal/edge/a.cpp", "connect(\"host:8080\");"), ("scripts/a.sh", "curl localhost:8082")],
         [("internal/config/settings.cpp", "port = 8080;"), ("README.md", "localhost:8080"),
          ("internal/http/a_test.cpp", "parse(\"host:8080\");"), ("internal/a.cpp", "n = 18080;  // not 8080")],
         except_in=r"^internal/config/|_test\.cpp$|^scripts/checks/", look=CODE_AND_STRINGS),
    Rule("duration without a unit", CPP,
         r"\b(?:int|long|unsigned|double|float|size_t|u?int(?:32|64)_t)\s+"
         r"\w*(?:timeout|delay|interval|elapsed|latency|backoff|duration|uptime)_?\s*(?:=\s*[0-9]|[;{])",
         "std::chrono, or the unit last in the name (delay_ms)",
         [("internal/a.h", "int timeout = 5;"), ("internal/a.h", "std::uint64_t retry_delay_{0};")],
         [("internal/a.h", "std::chrono::milliseconds timeout{5};"),
          ("internal/a.h", "int timeout_ms = 5;")]),
    Rule("suppression without a name", CPP, r"NOLINT(?!\w*\([a-z])|NOLINT\w*\([^)]*\)\s*$",
         "NOLINT(the-check): why",
         [("internal/a.cpp", "f();  // NOLINT"), ("internal/a.cpp", "f();  // NOLINT(a-check)")],
         [("internal/a.cpp", "f();  // NOLINT(a-check): it is a C interface"),
          ("internal/a.cpp", "// NOLINTNEXTLINE(a-check): the library wants it")], look=ALL),
    Rule("C random", CPP, r"\b(std::)?s?rand\s*\(", "a seeded engine of <random>",
         [("internal/a.cpp", "int n = rand();")], [("internal/a.cpp", "int n = operand(1);")]),
    Rule("tab", TEXT + r"(?<!Makefile)(?<!\.go)(?<!go\.mod)$", r"\t", "blanks", [("internal/a.cpp", "\tint a;")],
         [("Makefile", "a:\n\tb")], look=ALL),
    Rule("trailing blank", TEXT, r"[ \t\r]+$", "nothing (and line ends without a carriage return)",
         [("README.md", "a \nb"), ("internal/a.cpp", "int a;\r\n")], [("README.md", "a\nb\n")],
         look=ALL),
    Rule("a home folder", TEXT, r"(?<![\w.$}])/(home|root|Users)/\w", "a path inside the tree",
         [("scripts/a.sh", "cd /ho" "me/somebody/millrace")], [("scripts/a.sh", "cd \"$root/bin\"")],
         look=ALL),
    Rule("shell without a net", r"\.sh$|^\.ci/run$", r"\A#!(?![\s\S]*^set -e?uo pipefail$)",
         "set -euo pipefail (all.sh, which goes on after a failure: set -uo pipefail)",
         [("scripts/a.sh", "#!/usr/bin/env bash\necho")],
         [("scripts/a.sh", "#!/usr/bin/env bash\nset -euo pipefail\n"),
          ("scripts/lib.sh", "# sourced\n")], look=ALL),
]

MAX_LINES = 400
MAX_BYTES = 200_000


def check_rules(path, text):
    findings = []
    views = {CODE: text, CODE_AND_STRINGS: text, ALL: text}
    if re.search(CPP, path):
        views |= {CODE: tree.bare_cpp(text), CODE_AND_STRINGS: tree.bare_cpp(text, strings=True)}
    for rule in RULES:
        if not re.search(rule.files, path) or re.search(rule.except_in, path):
            continue
        view = views[rule.look]
        for match in re.finditer(rule.banned, view, re.MULTILINE):
            line = view.count("\n", 0, match.start()) + 1
            findings.append(f"{path}:{line}: {rule.name} is banned; use {rule.instead}")
    return findings


def check_shape(path, data, executable):
    """What is seen without reading: kind, size, the end."""
    if re.match(r"^(tests/fuzz/seeds|results)/", path):
        return []
    if b"\0" in data or len(data) > MAX_BYTES:
        return [f"{path}: a binary, or over {MAX_BYTES // 1000} kB: banned; use a build step that "
                "makes or fetches it"]
    findings = []
    if data and not data.endswith(b"\n"):
        findings.append(f"{path}: no line end at its end: add one")
    if re.search(CPP + "|" + SCRIPT, path) and data.count(b"\n") > MAX_LINES:
        findings.append(f"{path}: over {MAX_LINES} lines: make it two files with an idea each")
    if data.startswith(b"#!") != executable:
        findings.append(f"{path}: a #! line and the executable bit go together: chmod it, or not")
    if path.endswith(".h") and b"#pragma once" not in data:
        findings.append(f"{path}: no include guard: use #pragma once")
    return findings


def check_built(names, text_of):
    """Every C++ source is named in the CMakeLists.txt of its folder or of one above."""
    findings = []
    for path in names:
        if not path.endswith(".cpp"):
            continue
        folders = path.split("/")[:-1]
        lists = ["/".join(folders[:depth] + ["CMakeLists.txt"]) for depth in range(len(folders) + 1)]
        if not any(is_named(path.split("/")[-1], text_of(one)) for one in lists if one in names):
            findings.append(f"{path}: in no CMake target, so it is never built or run: add it to "
                            f"{lists[-1]}")
    return findings


def is_named(file, cmake):
    if re.search(rf"(?<![\w.]){re.escape(file)}", cmake):
        return True
    # file(GLOB ... /*_bench.cpp)
    if any(fnmatch.fnmatch(file, glob) for glob in re.findall(r"/(\w*\*\w*\.cpp)", cmake)):
        return True
    # main.cpp of ${SERVICE}, or ${NAME}_fuzz.cpp with NAME given elsewhere in the list.
    if re.search(rf"\$\{{\w+\}}/{re.escape(file)}", cmake):
        return True
    for suffix in re.findall(r"\$\{\w+\}([\w.]*\.cpp)", cmake) + [
            one + ".cpp" for one in re.findall(r"\$\{\w+\}(_\w+)", cmake)]:
        stem = file.removesuffix(suffix)
        if stem != file and re.search(rf"(?<![\w.]){re.escape(stem)}(?![\w.])", cmake):
            return True
    return False


def check_links(path, text, exists):
    """A relative link in Markdown leads to something in the tree."""
    findings = []
    for match in re.finditer(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text):
        parts = path.split("/")[:-1]
        for part in match.group(1).strip("/").split("/"):
            if part == ".." and parts:
                parts.pop()
            elif part != ".":
                parts.append(part)
        if not exists("/".join(parts)):
            line = text.count("\n", 0, match.start()) + 1
            findings.append(f"{path}:{line}: the link {match.group(1)} leads nowhere in the tree")
    return findings


def check_makefile(text):
    """Every target has its line in `make help`."""
    return [f"Makefile: target {name} has no '## line' for make help"
            for name in re.findall(r"^([a-z0-9-]+):(?!=)(?!.*## \S)", text, re.MULTILINE)
            if not re.search(rf"^{name}:.*## \S", text, re.MULTILINE)]


def self_test():
    wrong = []
    for rule in RULES:
        found = f": {rule.name} is banned"
        if not rule.bad or not rule.good:
            wrong.append(f"{rule.name} lacks examples")
        wrong += [f"{rule.name} isn't found in {path}: {text!r}" for path, text in rule.bad
                  if not any(found in one for one in check_rules(path, text))]
        wrong += [f"{rule.name} is found by mistake in {path}: {text!r}" for path, text in rule.good
                  if any(found in one for one in check_rules(path, text))]
    lists = {"g/CMakeLists.txt": "file(GLOB ALL ${HERE}/*_bench.cpp)",
             "a/CMakeLists.txt": "add(b_test.cpp)\nforeach(NAME json)\n add(${NAME}_fuzz.cpp)"}
    expectations = [
        (check_shape("a.bin", b"\0\n", False), True), (check_shape("a.md", b"a\n", False), False),
        (check_shape("a.md", b"a" * MAX_BYTES + b"\n", False), True),
        (check_shape("tests/fuzz/seeds/a/b", b"\0", False), False),
        (check_shape("a.md", b"a", False), True),
        (check_shape("a.sh", b"a\n" * (MAX_LINES + 1), False), True),
        (check_shape("a.sh", b"#!/bin/sh\n", False), True),
        (check_shape("a.sh", b"#!/bin/sh\n", True), False),
        (check_shape("a.h", b"int a;\n", False), True),
        (check_built(["a/CMakeLists.txt", "a/c_test.cpp"], lists.get), True),
        (check_built(["a/CMakeLists.txt", "a/xb_test.cpp"], lists.get), True),
        (check_built(["a/CMakeLists.txt", "a/b_test.cpp", "a/json_fuzz.cpp"], lists.get), False),
        (check_built(["a/CMakeLists.txt", "a/hop_fuzz.cpp"], lists.get), True),
        (check_built(["g/CMakeLists.txt", "g/x_bench.cpp"], lists.get), False),
        (check_built(["g/CMakeLists.txt", "g/x_test.cpp"], lists.get), True),
        (check_links("a/b.md", "[x](../c.md)", {"c.md"}.__contains__), False),
        (check_links("b.md", "[x](../c.md)", {"c.md"}.__contains__), True),
        (check_makefile("a: b\n\tc\n"), True), (check_makefile("a: b ## c\na:\n\tc\n"), False),
    ]
    wrong += [f"expectation {number} of the file rules fails: {found}"
              for number, (found, expected) in enumerate(expectations) if bool(found) != expected]
    return [f"self-test: {one}" for one in wrong]


def main():
    findings = self_test()
    names = set(tree.files())
    for name in sorted(names):
        data = tree.read(name)
        executable = bool((tree.ROOT / name).stat().st_mode & stat.S_IXUSR)
        findings += check_shape(name, data, executable)
        text = data.decode(errors="replace")
        findings += check_rules(name, text)
        if name.endswith(".md"):
            findings += check_links(name, text, lambda path: (tree.ROOT / path).exists())
    findings += check_built(sorted(names), lambda path: tree.read(path).decode())
    findings += check_makefile(tree.read("Makefile").decode())
    if findings:
        print("\n".join(findings), file=sys.stderr)
        print(f"tidy_rules: {len(findings)} findings", file=sys.stderr)
        return 1
    print(f"tidy_rules: {len(RULES)} bans and the file rules hold in {len(names)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
