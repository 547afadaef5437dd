"""The checks are checked: scripts/check must find each thing it is there for, and pytest must fail on a failure."""

import os
import shutil
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLEAN = """#ifndef KB_ROUTE_SAMPLE_H
#define KB_ROUTE_SAMPLE_H

#include <stddef.h>

size_t kb_sample(void);

#endif
"""

EXAMPLE = """/* What it does.
 *
 *     {}
 * Further prose. */
int kb_a;
"""


@pytest.fixture
def tree(tmp_path):
    """A project of one file that passes."""
    shutil.copytree(os.path.join(ROOT, "scripts"), tmp_path / "scripts")
    for file in ("CMakeLists.txt", ".clang-format"):
        shutil.copy(os.path.join(ROOT, file), tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "src" / "route").mkdir(parents=True)
    (tmp_path / "src" / "route" / "sample.h").write_text(CLEAN)
    return tmp_path


def check(tree):
    return subprocess.run(
        [tree / "scripts" / "check"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_clean_tree_passes(tree):
    (tree / "src" / "route" / "sample.c").write_text(EXAMPLE.format('kb_sample(); // "a(b"\n *'))
    done = check(tree)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "path, text, complaint",
    [
        ("src/route/a.c", "int  kb_a;\n", "a.c: not formatted"),
        ("src/route/a.c", '#include "pipeline/worker.h"\n', "may not include pipeline/"),
        ("src/route/a.c", "#include <string.h>\nvoid *kb_a = strcpy(0, 0);\n", "banned function"),
        ("src/route/a.h", "size_t kb_a(void);\n", "src/route/a.h"),
        ("src/nowhere/a.c", "int kb_a;\n", "no kb_room line"),
        ("scripts/broken", "#!/usr/bin/env bash\nif true; do\n", "scripts/broken does not parse"),
        ("tests/broken.py", "def broken(:\n", "broken.py"),
    ],
)
def test_each_offence_is_found(tree, path, text, complaint):
    file = tree / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    done = check(tree)
    if "not formatted" in complaint and "SKIPPED formatting" in done.stdout:
        pytest.skip("another version of clang-format")
    assert done.returncode == 1
    assert complaint in done.stdout + done.stderr


@pytest.mark.parametrize(
    "path, text, complaint",
    [
        ("src/route/a.c", "/* As kb_gone does. */\nint kb_a;\n", "a.c:1: there is no kb_gone"),
        ("src/route/a.c", "/* See gone.h. */\nint kb_a;\n", "a.c:1: there is no file gone.h"),
        ("src/route/a.c", EXAMPLE.format("kb_sample(1);\n *"), "a.c:3: kb_sample takes 0 arguments, the example gives 1"),
        ("src/route/a.c", EXAMPLE.format("kb_sample();"), "a.c:4: an example runs into the prose"),
        ("src/route/a.c", EXAMPLE.format(f"kb_sample(); // {'x' * 90}\n *"), "a.c:3: an example wider"),
    ],
)
def test_each_untrue_comment_is_found(tree, path, text, complaint):
    (tree / path).write_text(text)
    done = subprocess.run(
        [tree / "scripts" / "check-comments"], cwd=tree, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1 and complaint in done.stdout, done.stdout + done.stderr


def pytest_run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-c", os.path.join(ROOT, "tests", "pytest.ini"), *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_failing_test_fails_the_run_and_no_test_is_no_success(tmp_path):
    file = tmp_path / "test_sample.py"
    file.write_text("def test_fails():\n    assert 0\n\n\ndef test_passes():\n    pass\n")
    failing = pytest_run(tmp_path, file)
    assert failing.returncode == 1 and "1 failed, 1 passed" in failing.stdout
    none = pytest_run(tmp_path, file, "-k", "nothing_of_that_name")
    assert none.returncode == 5


def test_an_unknown_word_runs_no_test_of_ctest(tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(x NONE)\nenable_testing()\n"
    )
    subprocess.run(["cmake", "-G", "Ninja", "-S", tmp_path, "-B", tmp_path / "b"], check=True, capture_output=True)
    done = subprocess.run(
        ["ctest", "--test-dir", tmp_path / "b", "--no-tests=error"], capture_output=True, check=False
    )
    assert done.returncode != 0
