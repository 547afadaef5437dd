"""`kably test`: its output, by golden files; that it needs no network and no secret."""

import glob
import os
import re
import shutil
import subprocess
import tempfile

import pytest

import daemon

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden", "tests")
FILES = sorted(path for path in glob.glob(f"{FOLDER}/*.lua") if not path.endswith(".test.lua"))

NOBODY = 65534


def run(*files, **env):
    done = daemon.command("test", *files, env={"KAFKA_BOOTSTRAP": "192.0.2.1:1", **env})
    text = done.stdout + done.stderr
    return done.returncode, text.replace(FOLDER + "/", "")


@pytest.mark.parametrize("path", FILES, ids=os.path.basename)
def test_the_output_is_the_golden_one(path):
    """KABLY_GOLDEN=write writes them anew: look at the difference."""
    code, text = run(path)
    got = f"exit {code}\n{text}"
    golden = path.removesuffix(".lua") + ".out"
    if os.environ.get("KABLY_GOLDEN") == "write":
        with open(golden, "w", encoding="utf-8") as file:
            file.write(got)
    with open(golden, encoding="utf-8") as file:
        assert got == file.read()


def test_each_kind_of_end_is_among_them():
    codes = []
    for path in FILES:
        with open(path.removesuffix(".lua") + ".out", encoding="utf-8") as file:
            codes.append(file.readline())
    assert len(FILES) >= 4 and set(codes) == {"exit 0\n", "exit 1\n", "exit 2\n"}


LUA = os.path.join(os.path.dirname(os.path.dirname(FOLDER)), "lua")


def test_the_modules_hold():
    """tests/lua: what each module of lua/ says of itself."""
    texts = ""
    for path in sorted(glob.glob(f"{LUA}/*.lua")):
        code, text = run(path)
        assert code == 0, text
        with open(path, encoding="utf-8") as file:
            texts += file.read()
    modules = {os.path.basename(path)[:-4] for path in glob.glob(f"{os.path.dirname(os.path.dirname(LUA))}/lua/*.lua")}
    for module in modules - {"blocks", "cache", "lines", "names", "tests", "tokens"}:
        assert f'use "{module}"' in texts, f"no test of lua/{module}.lua"


def test_several_files_are_counted_together():
    good, orders = run(f"{FOLDER}/good.lua"), run(f"{FOLDER}/orders.lua")
    code, text = run(f"{FOLDER}/good.lua", f"{FOLDER}/orders.test.lua")
    assert code == 1
    count = sum(int(re.search(r"^(\d+) tests?, ", one[1], re.M)[1]) for one in (good, orders))
    assert re.search(rf"^{count} tests, ", text, re.M), text


def test_tests_that_can_not_be_read_are_not_passed_over():
    """Also where the tests run as root, whom no mode keeps from reading: they ask as somebody else."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        shutil.copy(f"{FOLDER}/orders.lua", folder)
        shutil.copy(f"{FOLDER}/orders.test.lua", folder)
        os.chmod(f"{folder}/orders.test.lua", 0)
        done = subprocess.run(
            [daemon.binary(), "test", f"{folder}/orders.lua"],
            user=NOBODY if os.getuid() == 0 else None,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 2 and "orders.test.lua: Permission denied" in done.stderr, done


def test_no_file_is_wrong_usage_or_a_wrong_file():
    assert run("/nowhere/at/all.lua")[0] == 2
    assert run("--what")[0] == 2
