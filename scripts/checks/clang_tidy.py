#!/usr/bin/env python3
"""clang-tidy, with the list of .clang-tidy and the analysis of lock annotations, over the product's
sources (tests and benches have the compilers' warnings and the sanitizers). A source without findings is remembered by what it was made
of (itself, our headers it reaches, its flags, the list), so a second run looks at changes only."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

import tree

CACHE = tree.ROOT / "build" / "tidy-cache"
COMMANDS = tree.ROOT / "build" / "release" / "compile_commands.json"
INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)
TOOL = "clang-tidy-14"
# The compiler's own warnings come as errors, by the build's -Werror.
EXTRA = ("--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wthread-safety")


def sources():
    """(path, command) of what is checked."""
    tree_files = set(tree.files())
    for entry in json.loads(COMMANDS.read_text()):
        path = pathlib.Path(entry["file"])
        name = str(path.relative_to(tree.ROOT)) if path.is_relative_to(tree.ROOT) else ""
        ours = name in tree_files and name.startswith(("internal/", "cmd/"))
        # The libraries' own code, compiled in one place, isn't ours to mend.
        test = re.search(r"_test\.cpp$|/test_[^/]*$", name)
        if ours and not test and b"/src.hpp>" not in path.read_bytes():
            yield path, entry["command"]


def reached(path, seen):
    """`path` and our headers it includes, directly or not."""
    if path in seen:
        return
    seen.add(path)
    for included in INCLUDE.findall(path.read_bytes()):
        for folder in (tree.ROOT / "internal", path.parent, COMMANDS.parent / "api/proto/gen"):
            header = folder / included.decode()
            if header.is_file():
                reached(header, seen)
                break


def key_of(path, command):
    parts = set()
    reached(path, parts)
    digest = hashlib.sha256((TOOL + "".join(EXTRA) + command).encode())
    for part in [tree.ROOT / ".clang-tidy", *sorted(parts)]:
        digest.update(part.read_bytes())
    return digest.hexdigest()


def examine(job):
    path, stamp = job
    run = subprocess.run(
        [TOOL, "--quiet", f"-p={COMMANDS.parent}", *EXTRA, str(path)],
        capture_output=True, text=True, check=False,
    )
    if run.returncode == 0:
        stamp.touch()
        return ""
    return run.stdout or run.stderr


def configure():
    """The release build's commands, with the generated headers they need."""
    done = subprocess.run(["scripts/build.sh", "release", "millrace_proto"], cwd=tree.ROOT,
                          capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"clang_tidy: no compile commands:\n{done.stdout}{done.stderr}")


def main():
    configure()
    CACHE.mkdir(parents=True, exist_ok=True)
    keyed = {path: CACHE / key_of(path, command) for path, command in sources()}
    jobs = [(path, stamp) for path, stamp in keyed.items() if not stamp.exists()]
    for old in set(CACHE.iterdir()) - set(keyed.values()):
        old.unlink()

    findings = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, found in enumerate(pool.map(examine, jobs), 1):
            if found:
                findings.append(found)
            if sys.stderr.isatty():
                print(f"\rclang_tidy: {number}/{len(jobs)}", end="", file=sys.stderr)
    if sys.stderr.isatty() and jobs:
        print("\r" + " " * 40 + "\r", end="", file=sys.stderr)
    if findings:
        # A header's finding comes with each source that includes it.
        each = re.split(r"^(?=\S+:\d+:\d+: (?:error|warning):)", "\n".join(findings), flags=re.M)
        print("".join(dict.fromkeys(each)).replace(f"{tree.ROOT}/", ""), file=sys.stderr)
        print(f"clang_tidy: findings in {len(findings)} sources", file=sys.stderr)
        return 1
    print(f"clang_tidy: {len(keyed)} sources without a finding, {len(jobs)} of them looked at anew")
    return 0


if __name__ == "__main__":
    sys.exit(main())
