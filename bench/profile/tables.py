"""What stands beside a flame graph as text."""

import collections
import re

import flamegraph

HOTTEST = 25

def hottest(stacks, unit="samples"):
    """The functions with most of their own, with what was counted in them and in what they called."""
    own, total = flamegraph.self_counts(stacks), flamegraph.total_counts(stacks)
    everything = sum(stacks.values())
    lines = [f"{'self %':>7} {'total %':>8} {unit:>14}  function"]
    for name in sorted(own, key=lambda name: (-own[name], name))[:HOTTEST]:
        lines.append(f"{100 * own[name] / everything:>7.2f} {100 * total[name] / everything:>8.2f} "
                     f"{own[name]:>14,}  {name}")
    return "\n".join(lines)


def why(wait):
    """What a thread waited for, as its stack tells."""
    if wait.preempted:
        return "a core"
    kernel = [name for name in wait.stack if name.startswith(flamegraph.KERNEL)]
    for word, reason in (("futex", "a futex"), ("epoll", "epoll"), ("poll", "poll"),
                         ("sigtimedwait", "a signal"), ("nanosleep", "a sleep")):
        if any(word in name for name in kernel):
            return reason
    return "other"


def where(wait):
    """The innermost function of ours that waits, or else of a library."""
    outside = [name for name in wait.stack if not name.startswith(flamegraph.KERNEL)]
    return next((name for name in reversed(wait.stack) if flamegraph.OURS.match(name)), outside[-1])


def waiters(waits):
    """Time off the core by reason, and by who waits: locks and parked threads are the futex lines."""
    seconds, counts = collections.Counter(), collections.Counter()
    reasons = collections.Counter()
    for wait in waits:
        key = (why(wait), wait.stack[0], where(wait))
        seconds[key] += wait.seconds
        counts[key] += 1
        reasons[key[0]] += wait.seconds
    everything = sum(seconds.values()) or 1
    lines = ["waited for: " + ", ".join(f"{reason} {100 * took / everything:.1f} %"
                                        for reason, took in reasons.most_common()), "",
             f"{'%':>6} {'ms':>9} {'waits':>8} {'us each':>8}  {'for':8} thread, function"]
    for key in sorted(seconds, key=lambda key: (-seconds[key], key))[:HOTTEST]:
        reason, thread, name = key
        lines.append(f"{100 * seconds[key] / everything:>6.2f} {seconds[key] * 1e3:>9.1f} "
                     f"{counts[key]:>8,} {seconds[key] / counts[key] * 1e6:>8.1f}  {reason:8} "
                     f"{thread}, {name}")
    return "\n".join(lines)


def wait_stacks(waits):
    """{stack: microseconds}; a thread that was ready and had no core stands on its own."""
    stacks = collections.Counter()
    for wait in waits:
        leaf = ("[was ready, waited for a core]",) if wait.preempted else ()
        stacks[wait.stack + leaf] += round(wait.seconds * 1e6)
    return {stack: count for stack, count in stacks.items() if count}


def allocators(stacks):
    """Stacks without the allocator's own frames, so that the innermost is who asked for memory."""
    found = collections.Counter()
    for stack, count in stacks.items():
        while len(stack) > 1 and re.search(r"(^|::)(operator new|malloc|calloc|realloc|allocate)\b|"
                                           r"^std::|^__gnu_cxx::|^void std::", stack[-1]):
            stack = stack[:-1]
        found[stack] += count
    return dict(found)
