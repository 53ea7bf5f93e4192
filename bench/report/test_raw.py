import json
import pathlib
import tempfile
import unittest

import fixtures
import raw
import record
from fixtures import row


class Reading(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def refused(self, words, **changes):
        path = fixtures.write(self.folder, "bad.json", fixtures.record([row("millrace", [1])]) | changes)
        with self.assertRaises(raw.BadRaw) as caught:
            raw.read(path)
        self.assertIn("bad.json: ", str(caught.exception))
        self.assertIn(words, str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))

    def test_what_record_writes_is_read(self):
        made = record.Record("ring", "make bench", "in turn")
        made.add("1P1C", "millrace", "time", "ns", [1, 2], x=1, x_name="threads")
        made.add("1P1C", "a tool", "time", "ns", [1, 2], paired=False)
        fields = raw.read(made.write(self.folder))
        self.assertEqual(fields["rows"][0]["runs"], [1.0, 2.0])
        self.assertEqual(fields["suite"], "ring")
        self.assertEqual([row.get("paired", True) for row in fields["rows"]], [True, False])

    def test_bad_fields_are_named(self):
        self.refused("schema: is not 1", schema=2)
        self.refused("commit: is missing", commit="")
        self.refused("method: is missing", method=None)
        self.refused("time: is not like", time="yesterday")
        self.refused("machine.cores: is missing or not of type int", machine={"cpu": "x"})
        self.refused("rows: is missing, empty", rows=[])

    def test_bad_rows_are_named_with_their_number(self):
        good = row("millrace", [1])
        self.refused("rows[1]: is not an object", rows=[good, 3])
        self.refused("rows[1].unit: is missing", rows=[good, row("b", [1], unit="")])
        self.refused("rows[1].better: is neither", rows=[good, row("b", [1], better="more")])
        self.refused("rows[1].runs: is missing, empty", rows=[good, row("b", [])])
        self.refused("rows[1].runs[1]: is not a finite", rows=[good, row("b", [1, "2"])])
        self.refused("rows[1].runs[0]: is not a finite", rows=[good, row("b", [float("nan")])])
        self.refused("rows[1].runs[0]: is not a finite", rows=[good, row("b", [True])])
        self.refused("rows[1].paired: is neither", rows=[good, row("b", [1]) | {"paired": "no"}])
        self.refused("rows[1].conditions.x: is not a finite", rows=[good, row("b", [1], x="8", x_name="n")])
        self.refused("rows[1].conditions: x and x_name", rows=[good, row("b", [1], x=8)])
        self.refused("rows[1]: says again", rows=[good, good])

    def test_what_is_no_json_is_named(self):
        (self.folder / "cut.json").write_text('{"schema": 1,')
        with self.assertRaisesRegex(raw.BadRaw, "^cut.json: can't be read as JSON: "):
            raw.newest(self.folder)

    def test_the_newest_of_each_suite_variant_and_layout(self):
        rows = [row("millrace", [1])]
        for name, fields in (
                ("z-old", {"time": "2026-01-01T00:00:00Z"}),
                ("a-new", {"time": "2026-02-01T00:00:00Z"}),
                ("pinned", {"layout": "pinned", "time": "2025-01-01T00:00:00Z"}),
                ("clang", {"variant": "clang"}), ("ring", {"suite": "ring"})):
            fixtures.write(self.folder, f"{name}.json", fixtures.record(rows, **fields))
        self.assertEqual([one["file"] for one in raw.newest(self.folder)],
                         ["clang.json", "pinned.json", "a-new.json", "ring.json"])

    def test_an_empty_folder_has_no_records(self):
        self.assertEqual(raw.newest(self.folder), [])
        self.assertEqual(raw.newest(self.folder / "missing"), [])


class Rows(unittest.TestCase):
    def test_label_tells_the_conditions(self):
        self.assertEqual(raw.label(row("b", [1], x=10000, x_name="connections", at_rate="5/s")),
                         "a, connections 10,000, at rate 5/s")

    def test_in_turn(self):
        ours = row("millrace", [1, 2])
        self.assertTrue(raw.in_turn(ours, row("b", [3, 4])))
        self.assertFalse(raw.in_turn(ours, row("b", [3, 4]) | {"paired": False}))
        self.assertFalse(raw.in_turn(ours, row("b", [3])))

    def test_ours_beside(self):
        ours = row("millrace", [1])
        at_8 = row("millrace", [2], x=8, x_name="workers")
        other = row("millrace", [3], subject="b")
        rows = [ours, at_8, other]
        self.assertIs(raw.ours_beside(row("nginx", [5], version="1.22"), rows), ours)
        self.assertIs(raw.ours_beside(row("nginx", [5], x=8, x_name="workers"), rows), at_8)
        self.assertIsNone(raw.ours_beside(row("nginx", [5], subject="c"), rows))

    def test_conditions_decide_between_several_of_ours(self):
        rows = [row("millrace", [1], rate=10), row("millrace", [2], rate=20)]
        self.assertIs(raw.ours_beside(row("nginx", [5], rate=20), rows), rows[1])
        self.assertIsNone(raw.ours_beside(row("nginx", [5], rate=30), rows))

    def test_the_records_of_the_tree_are_whole(self):
        for fields in raw.newest(record.RAW):
            self.assertTrue(json.dumps(fields["rows"]))


if __name__ == "__main__":
    unittest.main()
