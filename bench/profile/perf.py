"""Linux perf: what a process spends its time on, and what it waits for."""

import collections
import re
import subprocess

CPU_HZ = 997  # no multiple of any timer's rate
STACK_BYTES = 8192  # of the stack, kept with each sample: release builds have no frame pointers
WAIT_STACK_BYTES = 4096

_EVENT = re.compile(r"(?P<comm>\S.*?)\s+\d+/(?P<tid>\d+)\s+(?P<time>[\d.]+):\s+(?P<what>.*)$")
_FRAME = re.compile(r"\s+[0-9a-f]+ (?P<symbol>.+) \((?P<object>[^()]*)\)$")

Sample = collections.namedtuple("Sample", "thread tid time_s what stack")
Wait = collections.namedtuple("Wait", "stack seconds preempted")


class CantProfile(Exception):
    """Says what this machine doesn't allow, or what is missing."""


def _run(command):
    try:
        return subprocess.run([str(part) for part in command], capture_output=True, text=True,
                              errors="replace", check=False)
    except FileNotFoundError:
        raise CantProfile(f"{command[0]} isn't there: run 'scripts/install-deps.sh bench'") from None


def _said(done):
    return " ".join((done.stderr or done.stdout).split())[:300].rstrip(".")


def cpu_event():
    """Cycles where there are hardware counters; on most virtual machines a timer has to do."""
    done = _run(["perf", "stat", "-x,", "-e", "cycles", "true"])
    counted = done.returncode == 0 and re.search(r"^\d+,,cycles", done.stderr, re.MULTILINE)
    return "cycles" if counted else "cpu-clock"


def _record(pid, seconds, out, *options):
    done = _run(["perf", "record", "-q", "-p", pid, "-o", out, *options, "--", "sleep", seconds])
    if done.returncode:
        raise CantProfile(f"perf record doesn't work here: {_said(done)}. It needs root, or "
                          "kernel.perf_event_paranoid of at most 1 (for waits: -1 and readable tracefs)")


def _script(data, *options):
    # Asio's templates, inlined by the dozen, would bury what one wants to see.
    done = _run(["perf", "script", "-i", data, "--no-inline", *options])
    if done.returncode:
        raise CantProfile(f"perf script can't read {data.name}: {_said(done)}")
    return done.stdout


def frame_of(line):
    """The function of one line of a stack, or None."""
    match = _FRAME.match(line)
    if not match:
        return None
    symbol, place = match.group("symbol"), match.group("object")
    if symbol == "[unknown]":
        return f"[{place.rpartition('/')[2]}]"
    kernel = place.startswith("[") and place != "[vdso]"
    return ("[k] " if kernel else "") + symbol.replace(";", ":")


def samples_of(script):
    """What `perf script` printed, as Samples. Threads of one kind ("worker-3") share a name."""
    for block in re.split(r"\n\s*\n|\n(?=\S)", script):
        head, _, rest = block.partition("\n")
        match = _EVENT.match(head.strip())
        if match:
            frames = [frame for frame in map(frame_of, rest.splitlines()) if frame]
            thread = re.sub(r"-\d+$", "", match.group("comm"))
            yield Sample(thread, int(match.group("tid")), float(match.group("time")),
                         match.group("what"), (thread, *reversed(frames)))


def stacks_of(samples):
    """{stack: samples}"""
    return dict(collections.Counter(sample.stack for sample in samples if len(sample.stack) > 1))


def waits_of(samples):
    """From a thread's leaving its core (sched_switch, with the stack) to its coming back. A thread that
    hadn't come back at the end isn't counted."""
    left = {}
    for sample in samples:
        if "sched_switch" in sample.what:
            left[sample.tid] = sample
        elif "PERF_RECORD_SWITCH IN" in sample.what and sample.tid in left:
            out = left.pop(sample.tid)
            preempted = bool(re.search(r"prev_state=R", out.what))
            yield Wait(out.stack, sample.time_s - out.time_s, preempted)


def record_cpu(pid, seconds, folder):
    """({stack: samples}, how it was made)"""
    event = cpu_event()
    data = folder / "cpu.data"
    _record(pid, seconds, data, "-F", CPU_HZ, "-e", event, "--call-graph", f"dwarf,{STACK_BYTES}")
    stacks = stacks_of(samples_of(_script(data, "-F", "comm,pid,tid,time,event,ip,sym,dso")))
    clock = "" if event == "cycles" else "; this machine has no hardware counters, a timer samples"
    return stacks, f"perf record -F {CPU_HZ} -e {event} --call-graph dwarf{clock}"


def record_waits(pid, seconds, folder):
    """([Wait], how it was made)"""
    data = folder / "waits.data"
    _record(pid, seconds, data, "-m", 2048, "--switch-events", "-e", "sched:sched_switch",
            "--call-graph", f"dwarf,{WAIT_STACK_BYTES}")
    script = _script(data, "--show-switch-events", "-F", "comm,pid,tid,time,event,trace,ip,sym,dso")
    return list(waits_of(samples_of(script))), "perf record --switch-events -e sched:sched_switch"
