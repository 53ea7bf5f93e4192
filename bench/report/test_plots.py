import unittest
import xml.etree.ElementTree as ElementTree

import bars
import fixtures
import lines
import plots
from fixtures import row

SVG = "{http://www.w3.org/2000/svg}"


def titled(root, tag):
    """{hover title: element}"""
    return {one.find(f"{SVG}title").text: one for one in root.iter(SVG + tag)
            if one.find(f"{SVG}title") is not None}


class Bars(unittest.TestCase):
    def plot(self, rows):
        return ElementTree.fromstring(bars.plot("a title", rows))

    def test_widths_are_the_medians(self):
        found = titled(self.plot([row("nginx", [150, 200, 100]), row("millrace", [50, 75, 60])]), "rect")
        ours, theirs = found["millrace: 60.0 (50.0 to 75.0)"], found["nginx: 150 (100 to 200)"]
        self.assertAlmostEqual(float(ours.get("width")) / float(theirs.get("width")), 60 / 150, 3)
        # The longest whisker fills the width.
        self.assertAlmostEqual(float(theirs.get("width")), bars.PLOT * 150 / 200, 1)

    def test_whiskers_end_at_the_lowest_and_the_highest_run(self):
        root = self.plot([row("millrace", [50, 100, 75]), row("nginx", [80, 80])])
        whiskers = [one for one in root.iter(f"{SVG}line") if one.get("class") == "whisker"]
        self.assertEqual(len(whiskers), 3)  # nginx has no spread
        left = float(titled(root, "rect")["nginx: 80.0 (80.0 to 80.0)"].get("x"))
        self.assertAlmostEqual(float(whiskers[0].get("x1")) - left, bars.PLOT / 2, 1)
        self.assertAlmostEqual(float(whiskers[0].get("x2")) - left, bars.PLOT, 1)

    def test_ours_comes_first_and_in_its_colour(self):
        found = titled(self.plot([row("nginx", [2]), row("millrace", [1])]), "rect")
        ours, theirs = found["millrace: 1.00 (one run)"], found["nginx: 2.00 (one run)"]
        self.assertLess(float(ours.get("y")), float(theirs.get("y")))
        self.assertEqual((ours.get("class"), theirs.get("class")), ("ours", "other"))

    def test_each_subject_has_its_own_scale(self):
        found = titled(self.plot([row("millrace", [1], subject="a"), row("nginx", [1e6], subject="b")]),
                       "rect")
        self.assertEqual({one.get("width") for one in found.values()}, {str(bars.PLOT)})

    def test_names_are_escaped_and_the_picture_has_a_title(self):
        root = self.plot([row('<b> & "c"', [1])])
        self.assertEqual(root.find(f"{SVG}title").text, "a title")
        self.assertIn('<b> & "c": 1.00 (one run)', titled(root, "rect"))

    def test_nothing_but_zero_is_drawn(self):
        found = titled(self.plot([row("millrace", [0, 0])]), "rect")
        self.assertEqual([float(one.get("width")) for one in found.values()], [0])


class Lines(unittest.TestCase):
    ROWS = [row(name, [x * factor, x * factor * 2, x * factor * 3], x=x, x_name="workers")
            for name, factor in (("nginx", 2), ("millrace", 1)) for x in (1, 2, 4)]

    def test_points_are_the_medians(self):
        found = titled(ElementTree.fromstring(lines.plot("t", self.ROWS)), "circle")
        bottom, height = lines.HEIGHT - lines.BOTTOM, lines.HEIGHT - lines.BOTTOM - lines.TOP
        # The highest run is 24, so that y ends at 25.
        for title, value in (("millrace at 2: 4.00 (2.00 to 6.00)", 4),
                             ("nginx at 4: 16.0 (8.00 to 24.0)", 16)):
            self.assertAlmostEqual((bottom - float(found[title].get("cy"))) / height, value / 25, 3)

    def test_x_is_linear_over_a_small_span_and_logarithmic_over_a_large_one(self):
        def place(xs):
            rows = [row("millrace", [1], x=x, x_name="n") for x in xs]
            points = titled(ElementTree.fromstring(lines.plot("t", rows)), "circle").values()
            first, middle, last = (float(one.get("cx")) for one in points)
            return (middle - first) / (last - first)

        self.assertAlmostEqual(place([0, 5, 10]), 0.5, 3)
        self.assertAlmostEqual(place([1, 2, 5]), 0.25, 3)
        self.assertAlmostEqual(place([1, 10, 100]), 0.5, 3)

    def test_steps_are_round(self):
        for most, step in ((25, 5), (9, 2), (0.07, 0.02), (100, 20), (12345, 5000), (1, 0.2)):
            self.assertAlmostEqual(lines.nice_step(most), step)


class Which(unittest.TestCase):
    def made(self, rows):
        fields = fixtures.record(rows)
        return [name for (measure, unit), found in plots.measures_of(rows).items()
                for name in plots.of_measure(fields, measure, unit, found)]

    def test_a_plot_for_each_measure_and_for_each_sweep(self):
        rows = [row("millrace", [1]), row("nginx", [1])]
        rows += [row("millrace", [1], measure="p99", unit="ms"), row("nginx", [1], measure="p99", unit="ms")]
        rows += [row("millrace", [1], subject=subject, x=x, x_name="workers")
                 for subject in ("empty", "busy") for x in (1, 2)]
        self.assertEqual(self.made(rows), [
            "pipeline-release-shared-rate-messages-s-empty-workers.svg",
            "pipeline-release-shared-rate-messages-s-busy-workers.svg",
            "pipeline-release-shared-rate-messages-s.svg",
            "pipeline-release-shared-p99-ms.svg"])

    def test_one_figure_alone_gets_none(self):
        self.assertEqual(self.made([row("millrace", [1])]), [])
        self.assertEqual(self.made([row("millrace", [1], x=1, x_name="n")]), [])


if __name__ == "__main__":
    unittest.main()
