"""What /metrics says: the samples of a page of Prometheus text, and promtool's opinion of it."""

import re
import shutil
import subprocess

SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


class Samples:
    def __init__(self, text):
        self.text = text
        self.values = {}  # (name, frozenset of labels): value
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            match = SAMPLE.fullmatch(line)
            if not match:
                raise AssertionError(f"not a sample: {line}")
            key = match.group(1), frozenset(LABEL.findall(match.group(2) or ""))
            if key in self.values:
                raise AssertionError(f"there twice: {line}")
            self.values[key] = float(match.group(3))

    def series(self):
        """Names and labels without the values."""
        return set(self.values)

    def total(self, name, **labels):
        """The sum over the series of that name with those labels; 0 when there are none yet."""
        wanted = set(labels.items())
        return sum(value for (found, has), value in self.values.items()
                   if found == name and wanted <= has)

    def __getitem__(self, name):
        """The only series of that name."""
        (value,) = [value for (found, _), value in self.values.items() if found == name]
        return value


def promtool_complaints(text):
    """What `promtool check metrics` finds wrong with the page; empty when nothing."""
    promtool = shutil.which("promtool")
    if promtool is None:
        raise AssertionError("promtool is missing: install the package prometheus, which brings it")
    run = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True,
                         check=False)
    complaints = run.stdout + run.stderr
    return complaints or ("" if run.returncode == 0 else f"exit code {run.returncode}")
