"""Figures and names as Markdown shows them."""

import re

import stats


def number(value):
    """Three digits that mean something, or all before the point."""
    size = abs(value)
    if size >= 100 or value == 0:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 1:
        return f"{value:.2f}"
    return f"{value:#.3g}"


def spread(values):
    middle, low, high = stats.spread(values)
    if len(values) == 1:
        return f"{number(middle)} (one run)"
    return f"{number(middle)} ({number(low)} to {number(high)})"


def ratio(ours, theirs, in_turn):
    """ours / theirs, with how it was taken when not within pairs."""
    ratios = stats.ratios(ours, theirs, in_turn)
    if ratios is None:
        return "none: theirs is 0"
    return spread(ratios) if in_turn else \
        f"{number(ratios[0])} (of the medians: not measured in turn)"


def escape(text):
    """So that Markdown, also within a table, shows just this."""
    text = re.sub(r"([\\`*\[\]<>|])", r"\\\1", " ".join(text.split()))
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)


def row(cells):
    return "| " + " | ".join(cells) + " |"


def table(head, rows):
    return "\n".join([row(head), row(["---"] * len(head))] + [row(cells) for cells in rows])


def slug(*parts):
    """A file's name, of words that only say what they are."""
    words = "-".join(parts).lower().replace("µ", "u")
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-")
