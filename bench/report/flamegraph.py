#!/usr/bin/env python3
"""Folded stacks ("outermost;...;innermost COUNT" per line) as a flame graph, in SVG.

  bench/report/flamegraph.py --title TITLE [--unit samples] < stacks.folded > graph.svg

A frame is as wide as its share of all that was counted, and stands on its caller; order from left to
right is that of the alphabet, so that the same stacks give the same bytes. Hovering a frame tells its
name, its count and its share. Frames too narrow to see are left out, and so is what is deeper than
DEPTH_MAX: the picture says so."""

import argparse
import re
import sys

sys.dont_write_bytecode = True

import svg  # noqa: E402  (no bytecode comes first)

WIDTH, ROW, MARGIN, TOP = 1200, 17, 10, 50
NARROWEST_PX = 0.5
DEPTH_MAX = 96
LETTER_PX = 6.2
KERNEL = "[k] "
# Also behind a return type; not the many templates of others that are made with our types.
OURS = re.compile(r"([^\s<]+ )?millrace::")


class BadStacks(Exception):
    """Says which line isn't a folded stack."""


class Frame:
    """A function, called by the frames below it. `total` counts what was seen in it and above it."""

    def __init__(self):
        self.total = 0
        self.callees = {}

    def add(self, stack, count):
        frame = self
        frame.total += count
        for name in stack:
            frame = frame.callees.setdefault(name, Frame())
            frame.total += count


def parse(lines):
    """{stack as a tuple: count}"""
    stacks = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        names, _, count = line.rstrip("\n").rpartition(" ")
        if not names or not count.isdigit():
            raise BadStacks(f"line {number} isn't 'frame;frame COUNT': {line.strip()[:80]}")
        stack = tuple(names.split(";"))
        stacks[stack] = stacks.get(stack, 0) + int(count)
    return stacks


def tree_of(stacks):
    root = Frame()
    for stack, count in stacks.items():
        root.add(stack, count)
    return root


def self_counts(stacks):
    """{function: what was seen with it innermost}"""
    counts = {}
    for stack, count in stacks.items():
        counts[stack[-1]] = counts.get(stack[-1], 0) + count
    return counts


def total_counts(stacks):
    """{function: what was seen with it anywhere on the stack}, once for a stack it is on twice."""
    counts = {}
    for stack, count in stacks.items():
        for name in set(stack):
            counts[name] = counts.get(name, 0) + count
    return counts


def short(name, px):
    letters = int((px - 6) / LETTER_PX)
    if letters < 3:
        return ""
    return name if len(name) <= letters else name[:letters - 2] + ".."


class Picture:
    def __init__(self, root, unit):
        self.root = root
        self.unit = unit
        self.px = (WIDTH - 2 * MARGIN) / root.total
        self.boxes = []  # (depth, x, width, name, count)
        self.deepest = 0
        self.cut = False
        self._place(root, MARGIN, 0)

    def _place(self, frame, left, depth):
        for name in sorted(frame.callees):
            callee = frame.callees[name]
            width = callee.total * self.px
            if width >= NARROWEST_PX:
                if depth < DEPTH_MAX:
                    self.boxes.append((depth, left, width, name, callee.total))
                    self.deepest = max(self.deepest, depth)
                    self._place(callee, left, depth + 1)
                else:
                    self.cut = True
            left += width

    def height(self):
        return TOP + (self.deepest + 1) * ROW + MARGIN

    def _box(self, depth, left, width, name, count):
        y = self.height() - MARGIN - (depth + 1) * ROW
        share = 100 * count / self.root.total
        kind = "kernel" if name.startswith(KERNEL) else "own" if OURS.match(name) else "else"
        title = f"{name}: {count:,} {self.unit}, {share:.2f} %"
        words = short(name, width)
        return svg.element(
            "g", svg.element("rect", x=left, y=float(y), width=width, height=float(ROW - 1),
                             class_=kind)
            + (svg.text(left + 3, y + 12, words, "frame") if words else ""), title)

    def parts(self):
        return [self._box(*box) for box in self.boxes]


_STYLE = (
    "text.frame{font-size:11px;fill:#1b1f23}rect.own{fill:#ffb35c}rect.kernel{fill:#9cc3e6}"
    "rect.else{fill:#d8d2c4}g:hover rect{stroke:#000000}"
    # The frames keep their colours on dark paper: their text is dark on both.
    "@media(prefers-color-scheme:dark){text.frame{fill:#15181b}g:hover rect{stroke:#ffffff}}")


def render(stacks, title, unit="samples"):
    root = tree_of(stacks)
    if root.total == 0:
        raise BadStacks("nothing was counted: there are no stacks")
    picture = Picture(root, unit)
    about = f"{root.total:,} {unit}; orange is ours, blue the kernel, grey libraries"
    if picture.cut:
        about += f"; cut at a depth of {DEPTH_MAX}"
    heading = [svg.text(MARGIN, 20, title, "head"), svg.text(MARGIN, 38, about, "quiet")]
    return svg.document(WIDTH, picture.height(), title, about, heading + picture.parts(), _STYLE)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--title", required=True)
    parser.add_argument("--unit", default="samples")
    options = parser.parse_args()
    try:
        sys.stdout.write(render(parse(sys.stdin), options.title, options.unit))
    except BadStacks as error:
        print(f"flamegraph: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
