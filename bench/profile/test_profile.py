import unittest

import heap
import perf
import tables

CPU = """\
ingest  10/12  5.000000: cpu-clock:
\t          16d853 __memmove_avx512 (/usr/lib/libc.so.6)
\t          243dfd millrace::validate (/bin/ingest)
\t          1098eb clone3 (/usr/lib/libc.so.6)

worker-3  10/13  5.100000: cpu-clock:
\tffffffff822010c9 futex_wait ([kernel.kallsyms])
\tffffffff822010c8 nf_hook ([nf_tables])
\t           d44a2 [unknown] (/usr/lib/libstdc++.so.6.0.30)
\t          127f5b std::_Function<void (int)>::_M_invoke (/bin/ingest)

worker-1  10/14  5.200000: cpu-clock:
\tffffffff822010c9 futex_wait ([kernel.kallsyms])
\tffffffff822010c8 nf_hook ([nf_tables])
\t           d44a2 [unknown] (/usr/lib/libstdc++.so.6.0.30)
\t          127f5b std::_Function<void (int)>::_M_invoke (/bin/ingest)

ingest  10/12  5.300000: cpu-clock:

"""
FRAMES = """\
\tffffffff821f8b58 __schedule ([kernel.kallsyms])
\tffffffff8143f416 futex_do_wait ([kernel.kallsyms])
\t          2592e5 millrace::EventCount::wait (/bin/processor)
\t          1098eb clone3 (/usr/lib/libc.so.6)
"""
WAITS = f"""\
w-1  10/11  1.000000: sched:sched_switch: prev_comm=w-1 prev_pid=11 prev_prio=1 prev_state=S ==> next_comm=x
{FRAMES}
w-1  10/11  1.000003: PERF_RECORD_SWITCH OUT
w-2  10/12  1.000010: PERF_RECORD_SWITCH IN
w-2  10/12  1.500000: sched:sched_switch: prev_comm=w-2 prev_pid=12 prev_prio=1 prev_state=R+ ==> next_comm=x
{FRAMES}
w-1  10/11  1.600000: PERF_RECORD_SWITCH IN
w-2  10/12  1.700000: PERF_RECORD_SWITCH IN
w-1  10/11  1.800000: sched:sched_switch: prev_comm=w-1 prev_pid=11 prev_prio=1 prev_state=S ==> next_comm=x
{FRAMES}
"""
STACK = ("w", "clone3", "millrace::EventCount::wait", "[k] futex_do_wait", "[k] __schedule")


class Perf(unittest.TestCase):
    def test_stacks_are_outermost_first_under_their_kind_of_thread(self):
        self.assertEqual(perf.stacks_of(perf.samples_of(CPU)), {
            ("ingest", "clone3", "millrace::validate", "__memmove_avx512"): 1,
            ("worker", "std::_Function<void (int)>::_M_invoke", "[libstdc++.so.6.0.30]", "[k] nf_hook",
             "[k] futex_wait"): 2})

    def test_a_name_can_t_break_the_fold(self):
        self.assertEqual(perf.frame_of("\t 7f a;b (/lib/c)"), "a:b")
        self.assertEqual(perf.frame_of("\t 7f __vdso_time ([vdso])"), "__vdso_time")
        self.assertIsNone(perf.frame_of("nonsense"))

    def test_waits_end_when_the_same_thread_comes_back(self):
        first, second = perf.waits_of(perf.samples_of(WAITS))
        self.assertEqual((first.stack, first.preempted), (STACK, False))
        self.assertAlmostEqual(first.seconds, 0.6)
        self.assertEqual(second.preempted, True)
        self.assertAlmostEqual(second.seconds, 0.2)

    def test_what_is_missing_is_said(self):
        with self.assertRaisesRegex(perf.CantProfile, "no-such-tool isn't there: run"):
            perf._run(["no-such-tool"])


class Tables(unittest.TestCase):
    WAITS = [perf.Wait(STACK, 0.006, False), perf.Wait(STACK, 0.002, True),
             perf.Wait(("w", "__sigtimedwait", "[k] do_sigtimedwait"), 0.002, False)]

    def test_hottest_by_self(self):
        lines = tables.hottest({("a", "b"): 3, ("a",): 1}).splitlines()
        self.assertEqual([line.split() for line in lines[1:]],
                         [["75.00", "75.00", "3", "b"], ["25.00", "100.00", "1", "a"]])

    def test_hottest_shows_so_many(self):
        stacks = {(f"f{number}",): number + 1 for number in range(100)}
        self.assertEqual(len(tables.hottest(stacks).splitlines()), 1 + tables.HOTTEST)

    def test_waiters_say_for_what_and_who(self):
        lines = tables.waiters(self.WAITS).splitlines()
        self.assertEqual(lines[0], "waited for: a futex 60.0 %, a core 20.0 %, a signal 20.0 %")
        self.assertEqual(lines[3].split(),
                         ["60.00", "6.0", "1", "6000.0", "a", "futex", "w,", "millrace::EventCount::wait"])
        self.assertTrue(lines[5].endswith("w, __sigtimedwait"), lines)

    def test_wait_stacks_are_microseconds(self):
        self.assertEqual(tables.wait_stacks(self.WAITS)[STACK], 6000)
        self.assertEqual(tables.wait_stacks(self.WAITS)[STACK + ("[was ready, waited for a core]",)], 2000)

    def test_allocators_are_those_who_asked(self):
        found = tables.allocators({
            ("main", "millrace::f()", "std::vector<>::reserve", "operator new(unsigned long)"): 2,
            ("main", "millrace::f()"): 1, ("malloc",): 5})
        self.assertEqual(found, {("main", "millrace::f()"): 3, ("malloc",): 5})


class Heap(unittest.TestCase):
    def test_folded(self):
        self.assertEqual(heap.folded("a;b (x.cpp); 3\na;b (x.cpp) 4\na -5\nc 0\n"),
                         {("a", "b (x.cpp)"): 7})

    def test_summary(self):
        self.assertEqual(heap.summary_of("reading\npeak RSS (x): 1M\nmore\ntotal memory leaked: 0B\n"),
                         ["peak RSS (x): 1M", "total memory leaked: 0B"])


if __name__ == "__main__":
    unittest.main()
