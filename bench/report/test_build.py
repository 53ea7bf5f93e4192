import contextlib
import io
import os
import pathlib
import tempfile
import unittest
from unittest import mock

import build
import record


class Of(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()

    def made(self, name="clang", home=None):
        folder = self.root / "build" / name
        (folder / "bin").mkdir(parents=True)
        (folder / "CMakeFiles" / "3.25.1").mkdir(parents=True)
        (folder / "CMakeCache.txt").write_text(f"A:B=C\nCMAKE_HOME_DIRECTORY:INTERNAL={home or self.root}\n")
        (folder / "CMakeFiles" / "3.25.1" / "CMakeCXXCompiler.cmake").write_text(
            'set(CMAKE_CXX_COMPILER_ID "Clang")\nset(CMAKE_CXX_COMPILER_VERSION "14.0.6")\n')
        return folder / "bin"

    def test_preset_and_compiler_are_those_of_the_build(self):
        self.assertEqual(build.of(self.made(), self.root), ("clang", "Clang 14.0.6"))

    def test_a_copy_of_another_tree_is_unknown(self):
        self.assertIsNone(build.of(self.made(home="/another"), self.root))

    def test_a_folder_that_is_no_build_is_unknown(self):
        self.assertIsNone(build.of(self.root / "bin", self.root))
        self.assertIsNone(build.of(self.root / "build" / "release" / "bin", self.root))
        nested = self.made(f"compare/{'a' * 7}")
        self.assertIsNone(build.of(nested, self.root))

    def test_the_folder_is_the_one_that_is_named_or_release(self):
        with mock.patch.dict(os.environ, {"MILLRACE_BENCH": str(self.root)}):
            self.assertEqual(build.binaries(), self.root)
        with mock.patch.dict(os.environ, {"MILLRACE_BENCH": ""}):
            self.assertEqual(build.binaries(self.root), self.root / "build" / "release" / "bin")

    def test_a_record_of_an_unknown_build_claims_nothing(self):
        said = io.StringIO()
        with mock.patch.dict(os.environ, {"MILLRACE_BENCH": str(self.root)}), \
                contextlib.redirect_stderr(said):
            fields = record.Record("ring", "make bench", "in turn").fields
        self.assertEqual([fields[key] for key in ("variant", "compiler", "commit")], ["unknown"] * 3)
        self.assertIn("is no build of this tree", said.getvalue())

    def test_a_record_has_its_build(self):
        with mock.patch("build.of", return_value=build.Build("clang", "Clang 14.0.6")):
            fields = record.Record("ring", "make bench", "in turn").fields
            self.assertEqual(record.compiler(), "Clang 14.0.6")
        self.assertEqual((fields["variant"], fields["compiler"]), ("clang", "Clang 14.0.6"))
        self.assertEqual(fields["commit"], record.commit())


class Refresh(unittest.TestCase):
    def refresh(self, made, code=0):
        done = mock.Mock(returncode=code, stdout="an error", stderr="")
        with mock.patch("build.of", return_value=made), contextlib.redirect_stderr(io.StringIO()), \
                mock.patch("build.binaries", return_value=build.ROOT / "build" / "clang" / "bin"), \
                mock.patch("subprocess.run", return_value=done) as run:
            build.refresh("bench_ring", "bench_pool")
        return run

    def test_builds_the_targets_where_they_are_measured(self):
        command = self.refresh(build.Build("clang", "Clang 14.0.6")).call_args.args[0]
        self.assertEqual(command[1:], ["--build", str(build.ROOT / "build" / "clang"), "--target",
                                       "bench_ring", "bench_pool"])

    def test_leaves_another_tree_alone(self):
        self.refresh(None).assert_not_called()

    def test_nothing_is_measured_that_cant_be_built(self):
        with self.assertRaisesRegex(SystemExit, "build/clang can't be built"):
            self.refresh(build.Build("clang", "Clang 14.0.6"), code=1)


if __name__ == "__main__":
    unittest.main()
