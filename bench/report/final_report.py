"""results/FINAL_REPORT.md: the words of final_report.md.in with the figures put in."""

import pathlib

import comparison
import targets
import text

TEMPLATE = pathlib.Path(__file__).with_name("final_report.md.in")


def _cells(target, judged, kind):
    if kind not in target:
        return ["", "", ""]
    verdict, measured = judged[kind]
    return [text.escape(targets.limit_words(target[kind], target.get("unit", ""))),
            text.escape(measured), f"**{verdict}**" if verdict == targets.MISSED else verdict]


def _target_row(target, judged):
    return [target["what"], *_cells(target, judged, "must"), *_cells(target, judged, "aim")]


def targets_table(verdicts):
    head = ["what", "must", "measured", "", "aim", "measured", ""]
    return text.table(head, [_target_row(target, judged) for target, judged, _ in verdicts])


def summary(verdicts):
    musts, aims = ([judged[kind][0] for _, judged, _ in verdicts if kind in judged]
                   for kind in ("must", "aim"))
    return (f"Of {len(musts)} targets {musts.count(targets.MET)} are met, "
            f"{musts.count(targets.MISSED)} are missed and {musts.count(targets.NOT_MEASURED)} are not "
            f"measured. Of {len(aims)} aims beyond them {aims.count(targets.MET)} are reached.")


def missed(verdicts):
    found = [(target, judged["must"][1]) for target, judged, _ in verdicts
             if "must" in judged and judged["must"][0] == targets.MISSED]
    if not found:
        return "None of the targets that were measured is missed."
    return "\n".join(
        f"- {target['what']}: {text.escape(measured)}, and must be "
        f"{text.escape(targets.limit_words(target['must'], target.get('unit', '')))}. "
        f"{target.get('why', 'Why is not known yet.')}"
        for target, measured in found)


def not_measured(verdicts):
    found = {}
    for target, judged, _ in verdicts:
        for kind, (verdict, why) in judged.items():
            if verdict == targets.NOT_MEASURED:
                found.setdefault((target["what"], why), []).append(kind)
    if not found:
        return "Of the targets nothing is left out."
    return "\n".join(f"- {what} ({' and '.join(kinds)}): {text.escape(why)}"
                     for (what, why), kinds in found.items())


def sources(records):
    head = ["suite", "layout", "variant", "commit", "time", "machine", "compiler"]
    return text.table(head, [[f"[{fields['suite']}](raw/{fields['file']})", fields["layout"],
                              fields["variant"], fields["commit"], fields["time"],
                              text.escape(comparison.machine_words(fields)),
                              text.escape(fields["compiler"])] for fields in records])


def commits(records):
    names = sorted({fields["commit"] for fields in records})
    changed = [name for name in names if name.endswith("+")]
    words = f"All figures are of commit {names[0]}." if len(names) == 1 else \
        f"These are {len(names)} commits, not one: {', '.join(names)}."
    if changed:
        words += (" A + means that tracked files differed from the commit: such a figure can't be "
                  "repeated exactly.")
    return words


def commands(records):
    return "\n".join(f"- {fields['suite']} ({fields['variant']}, {fields['layout']}): "
                     f"`{fields['command']}`" for fields in records)


def render(records, wanted, template=None):
    verdicts = targets.verdicts(wanted, records)
    words = TEMPLATE.read_text() if template is None else template
    for key, value in (("SUMMARY", summary(verdicts)), ("TARGETS", targets_table(verdicts)),
                       ("MISSED", missed(verdicts)), ("NOT_MEASURED", not_measured(verdicts)),
                       ("SOURCES", sources(records)),
                       ("COMMITS", commits(records)), ("COMMANDS", commands(records))):
        words = words.replace(f"@{key}@", value)
    return words
