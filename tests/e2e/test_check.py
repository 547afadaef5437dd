"""The command line: `kably check` finds everything at once, secrets stay unseen, wrong usage ends with 2."""

import os
import re

import pytest

import daemon

FIVE_MISTAKES = """\
kafka {
  ["bootstrap.servers"] = "localhost:9092",
  ["group.id"] = "g",
  ["fetch.wait.max.mss"] = 10,
}
ably { key = "app.key:hunter2secret" }
publish { concurrency = 0 }
topic "a" {
  chanel = "x",
  channel = "a:#{value.id",
  value = "jsonn",
}
"""
GOOD = """\
kafka {
  ["bootstrap.servers"] = "localhost:9092",
  ["group.id"] = "g",
  ["sasl.password"] = "swordfish",
}
ably { key = "app.key:hunter2secret" }
topic "a" { channel = "a:#{key}" }
"""
SECRETS = ("hunter2secret", "swordfish")


@pytest.fixture
def check(tmp_path):
    def run(text, *options):
        path = tmp_path / "file.lua"
        path.write_text(text)
        done = daemon.command("check", path, *options)
        for secret in SECRETS:
            assert secret not in done.stdout + done.stderr
        return done

    return run


def test_five_mistakes_give_five_errors_with_their_lines(check):
    done = check(FIVE_MISTAKES)
    assert done.returncode == 2
    errors = re.findall(r"^\S*file\.lua:(\d+): (.+)$", done.stderr, re.MULTILINE)
    errors = [(int(line), text) for line, text in errors if "warning" not in text.split(":")[0]]
    assert len(errors) == 5, done.stderr
    assert sorted(line for line, _ in errors) == [4, 7, 9, 10, 11], done.stderr
    by_line = dict(errors)
    assert "fetch.wait.max.mss" in by_line[4]
    assert "concurrency" in by_line[7]
    assert "chanel" in by_line[9] and 'did you mean "channel"' in by_line[9]
    assert "channel" in by_line[10] and "column" in by_line[10]
    assert "jsonn" in by_line[11] and "json" in by_line[11]
    assert re.search(r"^\s*\^$", done.stderr, re.MULTILINE), "the template error has its caret"


def test_a_good_file_passes_silently_enough(check):
    done = check(GOOD)
    assert done.returncode == 0, done.stderr


def test_print_shows_the_effective_file_and_no_secret(check):
    done = check(GOOD, "--print")
    assert done.returncode == 0, done.stderr
    assert "***" in done.stdout
    assert "a:#{key}" in done.stdout and "localhost:9092" in done.stdout
    assert "linger_ms" in done.stdout, "defaults are part of what is in effect"


def test_what_print_shows_is_itself_a_good_file(check):
    printed = check(GOOD, "--print").stdout
    again = check(printed.replace("***", "app.key:other"))
    assert again.returncode == 0, again.stderr


def test_a_syntax_error_names_its_line(check):
    done = check("kafka {\n  broken = = 1\n}\n")
    assert done.returncode == 2
    assert re.search(r"file\.lua:2: ", done.stderr), done.stderr


def test_a_function_may_stand_where_a_template_may(check):
    done = check(GOOD.replace('"a:#{key}"', 'function(record) return "x" end'), "--print")
    assert done.returncode == 0, done.stderr
    assert re.search(r"channel = function\(record\) --\[\[ .*file\.lua:7 \]\] end", done.stdout), done.stdout



def test_a_missing_file_is_wrong_usage(tmp_path):
    missing = tmp_path / "missing.lua"
    for command in ("check", "run"):
        done = daemon.command(command, missing)
        assert done.returncode == 2
        assert str(missing) in done.stderr


def test_where_no_file_is_named_it_says_which_it_looks_for():
    if os.path.exists("/etc/kably/kably.lua"):
        pytest.skip("there is one")
    for command in ("check", "run", "test", "preview"):
        done = daemon.command(command, env={"KABLY_CONFIG": ""})
        assert done.returncode == 2
        assert done.stderr.splitlines()[0] == "no FILE is named, here or in $KABLY_CONFIG: it is /etc/kably/kably.lua"
        assert "/etc/kably/kably.lua: No such file" in done.stderr
        named = daemon.command(command, "nowhere.lua")
        assert named.returncode == 2 and named.stderr == "nowhere.lua: No such file or directory\n"


def test_run_refuses_a_bad_file_as_check_does(tmp_path):
    path = tmp_path / "file.lua"
    path.write_text(FIVE_MISTAKES)
    done = daemon.command("run", path)
    assert done.returncode == 2
    assert len(re.findall(r"^\S*file\.lua:\d+: ", done.stderr, re.MULTILINE)) == 5


def test_version_and_help():
    version = daemon.command("--version")
    assert version.returncode == 0
    assert re.match(r"kably \d+\.\d+\.\d+", version.stdout)
    help_text = daemon.command("help")
    assert help_text.returncode == 0
    for command in ("run", "check", "sandbox", "options"):
        assert re.search(rf"\b{command}\b", help_text.stdout)
    of_one = daemon.command("help", "check")
    assert of_one.returncode == 0 and "--print" in of_one.stdout


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["check", "--nonsense"], ["run", "a", "b"]])
def test_wrong_usage_ends_with_2_and_a_hint(arguments):
    done = daemon.command(*arguments)
    assert done.returncode == 2
    assert "kably help" in done.stderr or "usage" in done.stderr.lower(), done.stderr
    assert not done.stdout


def test_options_are_documented():
    plain = daemon.command("options")
    assert plain.returncode == 0 and "linger_ms" in plain.stdout
    markdown = daemon.command("options", "--markdown")
    assert markdown.returncode == 0
    assert re.search(r"^\|.*linger_ms.*\|$", markdown.stdout, re.MULTILINE)
