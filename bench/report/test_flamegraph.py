import unittest
import xml.etree.ElementTree as ElementTree

import flamegraph

SVG = "{http://www.w3.org/2000/svg}"


def drawn(lines):
    """{hover title: rect}"""
    root = ElementTree.fromstring(flamegraph.render(flamegraph.parse(lines), "title"))
    return {group.find(f"{SVG}title").text: group.find(f"{SVG}rect") for group in root.iter(f"{SVG}g")}


class Parsing(unittest.TestCase):
    def test_the_same_stack_adds_up(self):
        self.assertEqual(flamegraph.parse(["a;b 2\n", "\n", "a;b 3\n", "a 1\n"]),
                         {("a", "b"): 5, ("a",): 1})

    def test_names_may_have_blanks(self):
        self.assertEqual(flamegraph.parse(["a (b c);d 7"]), {("a (b c)", "d"): 7})

    def test_what_is_no_stack_is_named(self):
        for line in ("a;b", "a;b x", "7"):
            with self.assertRaisesRegex(flamegraph.BadStacks, "line 2 isn't"):
                flamegraph.parse(["a 1", line])

    def test_nothing_counted_is_said(self):
        for lines in ([], ["a 0"]):
            with self.assertRaisesRegex(flamegraph.BadStacks, "nothing was counted"):
                flamegraph.render(flamegraph.parse(lines), "t")


class Drawing(unittest.TestCase):
    def test_widths_are_shares(self):
        found = drawn(["main;work;read 6", "main;work 1", "main;idle 3"])
        inside = flamegraph.WIDTH - 2 * flamegraph.MARGIN
        for title, share in (("main: 10 samples, 100.00 %", 1), ("work: 7 samples, 70.00 %", 0.7),
                             ("read: 6 samples, 60.00 %", 0.6), ("idle: 3 samples, 30.00 %", 0.3)):
            self.assertAlmostEqual(float(found[title].get("width")), inside * share, 1)

    def test_a_callee_stands_on_its_caller(self):
        found = drawn(["main;b;c 1", "main;a 1"])
        main, a, b, c = (found[f"{name}: {count} samples, {count * 50}.00 %"]
                         for name, count in (("main", 2), ("a", 1), ("b", 1), ("c", 1)))
        self.assertAlmostEqual(float(main.get("y")) - float(b.get("y")), flamegraph.ROW)
        self.assertAlmostEqual(float(b.get("y")) - float(c.get("y")), flamegraph.ROW)
        self.assertEqual(b.get("x"), c.get("x"))
        self.assertAlmostEqual(float(b.get("x")), float(a.get("x")) + float(a.get("width")), 1)

    def test_order_of_the_input_changes_nothing(self):
        lines = ["m;b 1", "m;a 2", "m;c;d 3"]
        self.assertEqual(flamegraph.render(flamegraph.parse(lines), "t"),
                         flamegraph.render(flamegraph.parse(lines[::-1]), "t"))

    def test_names_are_escaped(self):
        self.assertIn('vector<int>::at("&"): 1 samples, 100.00 %', drawn(['vector<int>::at("&") 1']))

    def test_the_deepest_frames_are_cut_and_it_is_said(self):
        deep = ";".join(f"f{number}" for number in range(flamegraph.DEPTH_MAX + 5)) + " 1"
        self.assertEqual(len(drawn([deep])), flamegraph.DEPTH_MAX)
        words = f"cut at a depth of {flamegraph.DEPTH_MAX}"
        self.assertIn(words, flamegraph.render(flamegraph.parse([deep]), "t"))
        self.assertNotIn(words, flamegraph.render(flamegraph.parse(["a;b 1"]), "t"))

    def test_what_is_too_narrow_is_left_out_and_moves_nothing(self):
        found = drawn(["a 1", "b 100000"])
        self.assertEqual(list(found), ["b: 100,000 samples, 100.00 %"])
        self.assertGreater(float(found["b: 100,000 samples, 100.00 %"].get("x")), flamegraph.MARGIN)

    def test_kinds_have_their_colours(self):
        found = drawn(["millrace::run;[k] futex;memcpy;void millrace::f<int>();std::f<millrace::A> 1"])
        self.assertEqual([one.get("class") for one in found.values()],
                         ["own", "kernel", "else", "own", "else"])

    def test_names_are_shortened_to_their_box(self):
        self.assertEqual(flamegraph.short("abcdef", 1000), "abcdef")
        self.assertEqual(flamegraph.short("abcdefghij", 6 + 5 * flamegraph.LETTER_PX + 0.1), "abc..")
        self.assertEqual(flamegraph.short("abcdef", 20), "")


class Counting(unittest.TestCase):
    STACKS = {("a", "b", "a"): 2, ("a",): 1, ("c", "b"): 4}

    def test_self_is_the_innermost(self):
        self.assertEqual(flamegraph.self_counts(self.STACKS), {"a": 3, "b": 4})

    def test_total_counts_recursion_once(self):
        self.assertEqual(flamegraph.total_counts(self.STACKS), {"a": 3, "b": 6, "c": 4})


if __name__ == "__main__":
    unittest.main()
