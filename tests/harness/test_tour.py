"""tests/README.md names folders and tests: each is there, and no folder is passed by."""

import os
import re

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def named():
    with open(os.path.join(TESTS, "README.md"), encoding="utf-8") as file:
        rows = [line for line in file if line.startswith("|")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def test_every_folder_has_its_row():
    folders = {name.rstrip("/") for name in named() if re.fullmatch(r"\w+/", name)}
    there = {name for name in os.listdir(TESTS) if os.path.isdir(os.path.join(TESTS, name)) and name[0] not in "_."}
    assert there - folders <= {"docker", "support"}, f"no row for {sorted(there - folders)}"
    assert "support" in folders


def test_every_test_that_is_named_is_there():
    tests = [name.partition("::") for name in named() if re.search(r"\.(py|c)(::|$)", name)]
    assert len(tests) > 15
    for path, _, test in tests:
        with open(os.path.join(TESTS, path), encoding="utf-8") as file:
            assert re.search(rf"^(def|static void) {test}\(" if test else "", file.read(), re.M), f"{path} has no {test}"
