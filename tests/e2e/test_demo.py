"""`kably demo`: what it shows, that its exit code means something, and how it ends."""

import contextlib
import fcntl
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import termios

import pytest

import daemon
from waiting import until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GOOD = "record arrived exactly once, unchanged, in the order of its channel"
BAD = "NOT as it should be"
SHOWN = 24  # one at a time, before the rest comes at once
ROW = re.compile(r"^(\w+)\[(\d)\]@(\d+)  (\S+) +-> (.+)$", re.MULTILINE)
ESCAPE = "\x1b["


class Demo:
    """A run of the demo in a folder of its own; `terminal` is a width: then it has one."""

    def __init__(self, folder, *arguments, terminal=None, **env):
        self.folder = folder
        environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm", "TMPDIR": str(folder)}
        environment.update(env)
        self.master = None
        self.out_path, self.err_path = folder / "out", folder / "err"
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.child = subprocess.Popen(
                [daemon.binary(), "demo", *map(str, arguments)],
                cwd=folder,
                env={name: value for name, value in environment.items() if value is not None},
                stdin=subprocess.DEVNULL,
                stdout=self._terminal(terminal) if terminal else out,
                stderr=err,
            )

    def _terminal(self, width):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        self.written = b""
        os.set_blocking(self.master, False)
        self.slave = slave
        return slave

    def out(self):
        if self.master is None:
            return self.out_path.read_text(encoding="utf-8")
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self.master, 65536):
                self.written += piece
        return self.written.decode().replace("\r\n", "\n")

    def err(self):
        return self.err_path.read_text(encoding="utf-8")

    def both(self):
        return f"{self.out()}\n--- standard error:\n{self.err()}"

    def wait_for(self, pattern, seconds=30):
        def found():
            hit = re.search(pattern, self.out())
            assert hit or self.child.poll() is None, f"ended without {pattern!r}:\n{self.both()}"
            return hit

        return until(found, seconds, lambda: f"{pattern!r} in\n{self.both()}")

    def ends(self, code, seconds=30):
        def ended():
            self.out()  # a terminal that nobody reads fills up
            return self.child.poll() is not None

        until(ended, seconds, lambda: f"an end:\n{self.both()}")
        assert not daemon.REPORT.search(self.err()), self.err()
        assert self.child.returncode == code, self.both()
        return self.out()

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        if self.master is not None:
            os.close(self.master)
            os.close(self.slave)


@pytest.fixture
def demo(tmp_path):
    started = []

    def start(*arguments, **options):
        folder = tmp_path / f"run{len(started)}"
        folder.mkdir()
        if config := options.pop("config", None):
            (folder / "config").mkdir()
            (folder / "config" / "demo.lua").write_text(config)
        started.append(Demo(folder, *arguments, **options))
        return started[-1]

    yield start
    for run in started:
        run.close()


def demo_lua(old, new):
    """config/demo.lua with one change."""
    with open(os.path.join(ROOT, "config", "demo.lua"), encoding="utf-8") as file:
        text = file.read()
    assert text.count(old) == 1
    return text.replace(old, new)


def counts(out):
    """{topic: (records, received, dead-lettered, skipped)} of the summary."""
    table = re.search(r"^topic +records +received +dead-lettered +skipped\n((?:\w+(?: +\d+){4}\n)+)", out, re.MULTILINE)
    assert table, out
    rows = [row.split() for row in table[1].splitlines()]
    return {row[0]: tuple(map(int, row[1:])) for row in rows}


def test_it_shows_both_sides_and_counts(demo):
    out = demo("--records", 100).ends(0)
    assert ESCAPE not in out
    assert GOOD in out and BAD not in out
    rows = ROW.findall(out)
    assert len(rows) == SHOWN
    assert [row[0] for row in rows] == ["orders", "chat", "telemetry"] * (SHOWN // 3)
    letters = [row for row in rows if row[4] == "dead letter in demo-dead-letters"]
    assert len(letters) == 1 and letters[0][0] == "orders"
    for topic, _, _, key, answer in rows:
        if answer != letters[0][4]:
            assert re.match(rf"demo:{topic}:{re.escape(key)}  \w+  \d+\.\d ms$", answer), answer
    offsets = {}
    for topic, partition, offset, _, _ in rows:
        assert int(offset) == offsets.get((topic, partition), 0)
        offsets[topic, partition] = int(offset) + 1
    assert "... and 76 more at once" in out
    assert counts(out) == {
        "orders": (34, 33, 1, 0),
        "chat": (33, 33, 0, 0),
        "telemetry": (33, 33, 0, 0),
        "all": (100, 99, 1, 0),
    }
    assert "kably's own count: 100 in, 99 published, 1 dead-lettered, 0 skipped" in out
    assert re.search(r"^one at a time: \d+\.\d ms .* median, \d+\.\d ms at most$", out, re.MULTILINE)
    assert re.search(r"^76 at once: \d+\.\d\d s, \d+ records a second$", out, re.MULTILINE)


def test_the_same_records_every_time(demo):
    """All of the output but for ports, folders and times is tests/golden/demo.txt."""
    out = demo("--records", 12).ends(0)
    out = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", out)
    out = re.sub(r"/\S*kably-demo-\w+", "/TMP", out)
    out = re.sub(r"\d+\.\d ms", "TIME", out).replace(daemon.binary(), "kably")
    with open(os.path.join(ROOT, "tests", "golden", "demo.txt"), encoding="utf-8") as golden:
        assert out == golden.read()


def test_few_records_have_no_poison(demo):
    out = demo("--records", 2).ends(0)
    assert "every " + GOOD in out
    assert counts(out)["all"] == (2, 2, 0, 0)


@pytest.mark.long
def test_many_records(demo):
    out = demo("--records", 100_000).ends(0, 60)
    assert counts(out)["all"] == (100_000, 99_999, 1, 0)


def without_escapes(text):
    return re.sub(r"\x1b\[\d*m", "", text)


def test_a_terminal_gets_colours_and_its_width(demo):
    out = demo("--records", 12, terminal=70).ends(0)
    assert "\x1b[36m" in out and "\x1b[32m" in out and "\x1b[31m" in out and "\x1b[0m" in out
    rows = without_escapes(out).split("\ntopic ")[0].split("...\n", 1)[1].splitlines()
    assert len(ROW.findall("\n".join(rows))) == 12
    assert max(map(len, rows)) <= 70
    assert any(len(row) > 66 for row in rows), "the width is used, too"


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, pytest.param({"TERM": "dumb"}, marks=pytest.mark.long)])
def test_a_terminal_without_colours(demo, plain):
    out = demo("--records", 7, terminal=50, **plain).ends(0)
    assert "\x1b" not in out
    rows = out.split("\ntopic ")[0].split("...\n", 1)[1].splitlines()
    assert max(map(len, rows)) <= 50
    assert any(row.startswith(" -> demo:orders:ada  placed") for row in rows), "one column below the other"


def test_stay_goes_on_until_ctrl_c(demo):
    run = demo("--stay", "--records", 3)
    shown = run.wait_for(GOOD).end()
    run.wait_for(r"Ctrl-C ends it")
    until(lambda: len(ROW.findall(run.out()[shown:])) >= 2, 30, lambda: f"records after the summary:\n{run.both()}")
    run.child.send_signal(signal.SIGINT)
    out = run.ends(0, daemon.END_SECONDS)
    assert BAD not in out
    assert not list(run.folder.glob("kably-demo-*")), "its copy of the file is left"


def test_the_line_to_paste_works(demo):
    run = demo("--stay", "--records", 3)
    line = run.wait_for(r"subscribe +(curl .+)\n")[1]
    run.wait_for("Ctrl-C ends it")
    with open(run.folder / "curl", "wb") as got:
        curl = subprocess.Popen(shlex.split(line), stdout=got, stdin=subprocess.DEVNULL)
    try:
        until(
            lambda: b'"channel":"demo:chat:lobby"' in (run.folder / "curl").read_bytes(),
            30,
            lambda: f"an event for {line}; it got {(run.folder / 'curl').read_bytes()}\n{run.both()}",
        )
    finally:
        curl.kill()
        curl.wait()
    run.child.send_signal(signal.SIGTERM)
    run.ends(0, daemon.END_SECONDS)


def test_the_status_it_names_answers(demo):
    run = demo("--stay", "--records", 10)
    address = run.wait_for(r"status +\S*kably status --admin (\S+)\n")[1]
    run.wait_for("Ctrl-C ends it")
    status = daemon.command("status", "--admin", address)
    assert status.returncode == 0, status.stderr
    assert re.search(r"^dead_lettered +1$", status.stdout, re.MULTILINE), status.stdout
    run.child.send_signal(signal.SIGINT)
    run.ends(0, daemon.END_SECONDS)


def test_the_binary_brings_the_file_along(demo):
    run = demo("--stay", "--records", 1)
    copy = run.wait_for(r"configuration  (\S+) \(a copy of the one in the binary\)")[1]
    with open(copy, encoding="utf-8") as got, open(os.path.join(ROOT, "config", "demo.lua"), encoding="utf-8") as file:
        assert got.read() == file.read()
    run.wait_for(GOOD)
    run.child.send_signal(signal.SIGINT)
    run.ends(0, daemon.END_SECONDS)


def test_a_signal_in_the_middle_is_no_success(demo):
    run = demo(terminal=80)
    run.wait_for(r"chat\[0\]@0 ")
    run.child.send_signal(signal.SIGINT)
    out = run.ends(1, daemon.END_SECONDS)
    assert re.search(r"9\d\d not even written", out)
    assert GOOD not in out


def test_the_file_of_the_folder_is_taken_and_a_wrong_channel_is_a_failure(demo):
    config = demo_lua('channel = "demo:chat:#{key}"', 'channel = "demo:chats:#{key}"')
    run = demo("--records", 10, config=config)
    out = run.ends(1)
    assert re.search(r"configuration  config/demo\.lua$", out, re.MULTILINE)
    assert BAD in out and GOOD not in out
    assert re.search(r"^  1 without any outcome: chat\[\d\]@0$", out, re.MULTILINE), out


@pytest.mark.parametrize("arguments", [["--records", 10], ["--stay", "--records", 3]])
def test_stop_ends_the_demo_at_its_record(demo, arguments):
    run = demo(*arguments, config=demo_lua('on_error = "dlq"', 'on_error = "stop"'))
    out = run.ends(1)
    assert counts(out)["all"] == ((3, 3, 0, 0) if "--stay" in arguments else (7, 6, 0, 0))
    assert re.search(r"orders\[\d\]@2: decode: .*policy=stop", run.err())


def test_skip_is_as_good_as_a_dead_letter(demo):
    out = demo("--records", 10, config=demo_lua('on_error = "dlq"', 'on_error = "skip"')).ends(0)
    assert counts(out)["all"] == (10, 9, 0, 1)


def test_a_wrong_file_is_said_at_once(demo):
    config = demo_lua('client_id = "#{value.from | lower}"', 'client_idd = "#{value.from | lower}"')
    run = demo(config=config)
    assert not run.ends(2)
    assert re.search(r'^config/demo\.lua:\d+: topic "chat": client_idd: .*did you mean "client_id"', run.err(), re.MULTILINE)


def test_real_publishes_to_the_ably_of_the_environment(demo, ably):
    """Two on one account: each takes the other's messages for a stranger's. Not in step: mock clusters may share an id,
    and then two records of one place and one millisecond are one to Ably."""
    env = {"ABLY_API_KEY": ably.key, "ABLY_ENDPOINT": ably.host, "ABLY_PORT": str(ably.port), "ABLY_TLS": "no"}
    first = demo("--real", "--records", 60, **env)
    first.wait_for("joining the consumer group")
    for run in (first, demo("--real", "--records", 60, **env)):
        out = run.ends(0)
        assert counts(out)["all"] == (60, 59, 1, 0)
        assert '-u "$ABLY_API_KEY"' in out
        assert ably.key.split(":")[1] not in run.both()
    assert ably.unique() == 118


def test_real_with_a_wrong_key_fails_and_says_why(demo, ably):
    env = {"ABLY_ENDPOINT": ably.host, "ABLY_PORT": str(ably.port), "ABLY_TLS": "no"}
    run = demo("--real", ABLY_API_KEY="app.keyid:hunter2", **env)
    run.ends(1)
    assert re.search(r"kably demo: the stream of demo:\S+ was refused with status 401: .*40101", run.err())
    assert "hunter2" not in run.both()
    missing = demo("--real", ABLY_API_KEY=None, **env)
    missing.ends(2)
    assert "ABLY_API_KEY" in missing.err()


@pytest.mark.parametrize("wrong", [["--records", "0"], ["--records", "100001"], ["--records"], ["--stey"], ["x"]])
def test_wrong_usage(wrong):
    done = daemon.command("demo", *wrong)
    assert done.returncode == 2 and not done.stdout
    assert "kably help demo" in done.stderr
