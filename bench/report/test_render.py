import contextlib
import io
import json
import pathlib
import tempfile
import unittest
from unittest import mock

import comparison
import final_report
import fixtures
import raw
import render
import targets
from fixtures import row

RATE = {"what": "the rate", "suite": "pipeline", "subject": "a", "measure": "rate"}


def judged(limit, rows, unit="messages/s"):
    return targets.judge(limit, rows, unit)


class Comparison(unittest.TestCase):
    def test_a_table_has_ours_first_and_the_ratio_beside_the_others(self):
        words = comparison.measure_table([row("a|b", [10, 20, 40]), row("millrace", [20, 20, 20])])
        self.assertEqual(words.splitlines()[2:], [
            "| a | millrace | 20.0 (20.0 to 20.0) | 3 |  |",
            r"| a | a\|b | 20.0 (10.0 to 40.0) | 3 | 1.00 (0.500 to 2.00) |"])

    def test_what_was_not_measured_in_turn_gets_no_ratio_of_pairs(self):
        words = comparison.measure_table([row("millrace", [10, 40]), row("b", [10, 10]) | {"paired": False}])
        self.assertIn("| 2.50 (of the medians: not measured in turn) |", words)

    def test_what_stands_alone_says_so(self):
        self.assertIn("nothing of ours beside", comparison.measure_table([row("nginx", [1])]))

    def test_a_section_carries_its_evidence(self):
        words, drawn = comparison.section(fixtures.record([row("millrace", [1]), row("b", [2])]))
        for part in ("in turn", "`make bench`", "abc1234", "A CPU (virtual), 2 cores", "g++ 12",
                     "[one.json](../raw/one.json)"):
            self.assertIn(part, words)
        self.assertIn(f"(../plots/{list(drawn)[0]})", words)


class Targets(unittest.TestCase):
    def test_of_a_value(self):
        rows = [row("millrace", [90, 95, 100, 120, 130])]
        self.assertEqual(judged({"least": 100}, rows), ("met", "100 (90.0 to 130) messages/s"))
        self.assertEqual(judged({"least": 101}, rows)[0], "missed")
        self.assertEqual(judged({"most": 100}, rows)[0], "met")
        self.assertEqual(judged({"most": 99}, rows)[0], "missed")

    def test_of_a_ratio_by_pairs(self):
        rows = [row("millrace", [50, 60, 80, 300, 20]), row("nginx", [100, 100, 100, 200, 10])]
        self.assertEqual(judged({"least": 0.8, "of": ["nginx"]}, rows),
                         ("met", "0.800 (0.500 to 2.00) × nginx"))
        self.assertEqual(judged({"least": 0.81, "of": ["nginx"]}, rows)[0], "missed")

    def test_of_a_ratio_without_pairs(self):
        rows = [row("millrace", [50, 60, 80, 300, 20]),
                row("tool", [100, 100, 100, 200, 10]) | {"paired": False}]
        self.assertEqual(judged({"least": 0.61, "of": ["tool"]}, rows),
                         ("missed", "0.600 (of the medians: not measured in turn) × tool"))
        self.assertEqual(judged({"least": 0.59, "of": ["tool"]}, rows)[0], "met")

    def test_every_rival_counts(self):
        rows = [row("millrace", [10] * 5), row("x", [11] * 5), row("y", [9] * 5)]
        self.assertEqual(judged({"most": 1, "of": ["x", "y"]}, rows)[0], "missed")
        self.assertEqual(judged({"most": 1, "of": ["x"]}, rows)[0], "met")

    def test_what_is_missing_is_not_measured_and_says_why(self):
        ours = row("millrace", [5] * 5)
        for limit, rows, unit, why in (
                ({"least": 1}, [], "ns", "no such row"),
                ({"least": 1}, [ours], "ns", "in messages/s, not ns"),
                ({"least": 1, "of": ["nginx"]}, [ours], "messages/s", "no nginx beside"),
                ({"least": 1, "of": ["b"]}, [ours, row("b", [0] * 5)], "messages/s", "b has 0")):
            self.assertEqual(judged(limit, rows, unit), ("not measured", why))

    def test_few_runs_are_no_verdict(self):
        five, four = row("millrace", [5] * 5), row("millrace", [5] * 4)
        self.assertEqual(judged({"least": 1}, [five])[0], "met")
        self.assertEqual(judged({"least": 1}, [four]), ("not measured", "4 runs"))
        self.assertEqual(judged({"least": 1}, [row("millrace", [5])]), ("not measured", "1 run"))
        self.assertEqual(judged({"least": 1, "of": ["b"]}, [five, row("b", [1] * 4)]),
                         ("not measured", "4 runs"))

    def test_a_ratio_says_what_it_comes_to(self):
        self.assertEqual(targets.limit_words({"most": 1.0, "of": ["Go channel"], "about": "70 ns"}, "ns"),
                         "≤ 1 × Go channel (70 ns)")

    def test_rows_are_found_by_suite_layout_and_subject(self):
        ours = row("millrace", [1], rate=5)
        records = [fixtures.record([row("millrace", [2])], layout="pinned"), fixtures.record([ours])]
        _, rows = targets.rows_of(RATE | {"subject": "a, rate 5"}, records)
        self.assertEqual(rows, [ours])
        fields, rows = targets.rows_of(RATE | {"layout": "pinned"}, records)
        self.assertEqual((fields["layout"], len(rows)), ("pinned", 1))
        self.assertEqual(targets.rows_of(RATE | {"suite": "ring"}, records), (None, []))

    def test_the_targets_of_the_tree_are_well_formed(self):
        self.assertGreater(len(targets.load()), 15)

    def test_a_bad_target_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "targets.json"
            for bad, words in (({}, r"targets\[0\].what: is missing"),
                               (RATE, r"targets\[0\].must: is missing, and aim too"),
                               (RATE | {"must": {}}, r"targets\[0\].must: needs least or most"),
                               (RATE | {"must": {"most": 1}}, r"targets\[0\].unit: is missing")):
                path.write_text(json.dumps({"targets": [bad]}))
                with self.assertRaisesRegex(raw.BadRaw, words):
                    targets.load(path)


class FinalReport(unittest.TestCase):
    RATE = RATE | {"unit": "messages/s"}
    WANTED = [RATE | {"must": {"least": 100}, "aim": {"least": 50}, "why": "See [a](profiles/a.svg)."},
              RATE | {"what": "the other", "must": {"least": 1}},
              RATE | {"what": "a third", "suite": "none", "must": {"least": 1}}]
    RECORDS = [fixtures.record([row("millrace", [60, 60, 65, 70, 70])], commit="abc1234+")]

    def test_counts_and_names_what_is_missed(self):
        words = final_report.render(self.RECORDS, self.WANTED)
        self.assertIn("Of 3 targets 1 are met, 1 are missed and 1 are not measured. Of 1 aims", words)
        self.assertIn("- the rate: 65.0 (60.0 to 70.0) messages/s, and must be ≥ 100 messages/s. "
                      "See [a](profiles/a.svg).", words)
        self.assertIn("tracked files differed", words)
        self.assertNotRegex(words, "@[A-Z]+@")

    def test_an_aim_alone_is_no_target(self):
        verdicts = targets.verdicts([self.RATE | {"aim": {"least": 100}}], self.RECORDS)
        self.assertIn("Of 0 targets 0 are met", final_report.summary(verdicts))
        self.assertIn("None of the targets", final_report.missed(verdicts))
        self.assertIn("| the rate |  |  |  | ≥ 100 messages/s |", final_report.targets_table(verdicts))

    def test_a_miss_without_a_reason_says_so(self):
        verdicts = targets.verdicts([self.RATE | {"must": {"least": 100}}], self.RECORDS)
        self.assertTrue(final_report.missed(verdicts).endswith(". Why is not known yet."))

    def test_why_is_shown_of_what_is_missed_only(self):
        met = [self.RATE | {"must": {"least": 1}, "why": "because"}]
        self.assertNotIn("because", final_report.render(self.RECORDS, met))
        self.assertIn("because", final_report.render(self.RECORDS, [met[0] | {"must": {"least": 100}}]))

    def test_what_is_not_measured_is_listed_with_its_reason(self):
        few = {"what": "b", "suite": "pipeline", "subject": "b", "measure": "rate", "unit": "messages/s",
               "must": {"least": 1}, "aim": {"least": 2}}
        verdicts = targets.verdicts([*self.WANTED, few], self.RECORDS + [fixtures.record([])])
        self.assertEqual(final_report.not_measured(verdicts),
                         "- a third (must): no record of none\n- b (must and aim): no such row")
        self.assertIn("nothing is left out", final_report.not_measured(verdicts[:1]))

    def test_several_commits_are_said_aloud(self):
        words = final_report.commits(self.RECORDS + [fixtures.record([])])
        self.assertIn("2 commits, not one: abc1234, abc1234+", words)


class Render(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.results = pathlib.Path(folder.name)

    def run_main(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with mock.patch("sys.argv", ["render", "--results", str(self.results), *arguments]), \
                contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            return render.main(), out.getvalue() + err.getvalue()

    def record_something(self, **fields):
        rows = [row("millrace", [1, 2]), row("nginx", [2, 2])]
        fixtures.write(self.results / "raw", "one.json", fixtures.record(rows, **fields))

    def contents(self):
        return {path.name: path.read_bytes() for path in self.results.rglob("*") if path.is_file()}

    def test_writes_the_same_bytes_each_time(self):
        self.record_something()
        self.assertEqual(self.run_main()[0], 0)
        first = self.contents()
        self.assertEqual(self.run_main()[0], 0)
        self.assertEqual(self.contents(), first)
        self.assertEqual(set(first), {"one.json", "comparison.md", "FINAL_REPORT.md",
                                      "pipeline-release-shared-rate-messages-s.svg"})
        self.assertEqual(self.run_main("--check"), (0, "report: 3 files are what the records give\n"))

    def test_check_finds_an_edit_a_stranger_and_a_gap(self):
        self.record_something()
        self.run_main()
        (self.results / "FINAL_REPORT.md").write_text("better figures\n")
        (self.results / "plots" / "old.svg").write_text("<svg/>\n")
        (self.results / "benchmarks" / "comparison.md").unlink()
        code, said = self.run_main("--check")
        self.assertEqual(code, 1)
        self.assertIn("FINAL_REPORT.md: isn't what the records give\n", said)
        self.assertIn("plots/old.svg: comes from no record\n", said)
        self.assertIn("benchmarks/comparison.md: is missing\n", said)
        self.run_main()
        self.assertEqual(self.run_main("--check")[0], 0)

    def test_check_finds_a_new_record(self):
        self.record_something()
        self.run_main()
        self.record_something(time="2026-03-02T03:04:05Z")
        self.assertEqual(self.run_main("--check")[0], 1)

    def test_no_records_is_said(self):
        code, said = self.run_main()
        self.assertEqual(code, 1)
        self.assertIn("no records in", said)
        self.assertEqual(self.run_main("--check")[0], 0)

    def test_a_bad_record_is_one_line(self):
        self.record_something(commit=7)
        code, said = self.run_main()
        self.assertEqual((code, said.count("\n")), (1, 1))
        self.assertIn("one.json: commit: is missing", said)
        self.assertEqual(self.run_main("--check")[0], 1)


if __name__ == "__main__":
    unittest.main()
