"""What the Python checks share: the files of the tree, and C++ without its comments and strings."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]

_COMMENT_OR_STRING = re.compile(
    r"//[^\n]*"
    r"|/\*.*?\*/"
    r'|R"(?P<mark>\w*)\(.*?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'",
    re.DOTALL,
)


def files():
    """Paths as git sees the tree: tracked and new ones, not the ignored or deleted ones."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout
    return sorted(name for name in set(listing.split("\0")) if name and (ROOT / name).is_file())


def read(name):
    return (ROOT / name).read_bytes()


def bare_cpp(text, strings=False):
    """`text` without its comments and, unless kept, the insides of strings; lines keep their
    numbers."""

    def blank(match):
        found = match.group(0)
        comment = found.startswith(("//", "/*"))
        if strings and not comment:
            return found
        return ("" if comment else '""') + "\n" * found.count("\n")

    return _COMMENT_OR_STRING.sub(blank, text)
