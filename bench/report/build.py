"""Which build is measured: what a record says of its compiler and commit is read from there."""

import collections
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
Build = collections.namedtuple("Build", "variant compiler")


def binaries(root=ROOT):
    """The folder of the executables: MILLRACE_BENCH, or that of the release build."""
    return pathlib.Path(os.environ.get("MILLRACE_BENCH") or root / "build" / "release" / "bin").resolve()


def _value(path, pattern):
    match = re.search(pattern, path.read_text(), re.MULTILINE)
    return match.group(1) if match else ""


def of(folder=None, root=ROOT):
    """The build that made the executables in `folder`; None unless it is one of this tree's presets."""
    home = (folder or binaries(root)).parent
    cache = home / "CMakeCache.txt"
    described = next(home.glob("CMakeFiles/*/CMakeCXXCompiler.cmake"), None)
    if home.parent != root / "build" or described is None or not cache.exists():
        return None
    if pathlib.Path(_value(cache, "^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$")) != root:
        return None
    name, version = (_value(described, rf'^set\(CMAKE_CXX_COMPILER_{key} "(.*)"\)$')
                     for key in ("ID", "VERSION"))
    return Build(home.name, f"{name} {version}")


def refresh(*targets):
    """Builds those that are older than their sources, as a figure is of a commit and not of what was
    built once. Of another tree's executables nothing is known, and the record says so."""
    folder = binaries()
    if of(folder) is None:
        return
    done = subprocess.run(["cmake", "--build", str(folder.parent), "--target", *targets],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(done.stdout[-3000:] + done.stderr[-1000:], file=sys.stderr)
        raise SystemExit(f"{folder.parent.relative_to(ROOT)} can't be built (above)")
