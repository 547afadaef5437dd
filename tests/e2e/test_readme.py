"""README.md and the files of config/ are run: every fenced block, every table that says what something gives, every
name of a file or a script. A block's language, and the words of a comment <!-- test: WORDS --> in front of it, choose
the function below that runs it; a block for which there is none is a failure, so a new example needs a new word or
one of the known."""

import collections
import contextlib
import glob
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

import daemon
from kafka_peer import Kafka
from local_ably import Sandbox, parse_id
from waiting import until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

Block = collections.namedtuple("Block", "line language words text")


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


README = read("README.md")


def blocks(text):
    """The fenced blocks, each with the words of the comment right in front of it."""
    found, words, lines = [], "", text.splitlines()
    at = 0
    while at < len(lines):
        if opened := re.fullmatch(r"\s*```(\w*)", lines[at]):
            end = next(i for i in range(at + 1, len(lines)) if lines[i].strip() == "```")
            found.append(Block(at + 1, opened[1], words, "\n".join(lines[at + 1 : end]) + "\n"))
            at = end
        comment = re.fullmatch(r"<!-- test: (.+) -->", lines[at].strip())
        words = comment[1] if comment else words if not lines[at].strip() else ""
        at += 1
    return found


BLOCKS = blocks(README)


def the_block(words):
    found = [block for block in BLOCKS if block.words == words]
    assert len(found) == 1, f"{len(found)} blocks of README.md are marked {words!r}"
    return found[0]


def table(head):
    """The rows below a table's head of these columns, as lists of cells."""
    start = re.search(r"^\| *" + r" *\| *".join(map(re.escape, head)) + r" *\|\n\|[-|]+\n((?:\|.*\n)+)", README, re.M)
    assert start, f"README.md has no table {head}"
    return [[cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in start[1].splitlines()]


def code(cell):
    """The texts in backquotes."""
    return re.findall(r"`([^`]+)`", cell)


# ---------------------------------------------------------------------- blocks of commands


@pytest.fixture
def home(tmp_path):
    """A folder with kably on the path and config/ beside it, as somebody has it who tries the examples."""
    folder = tmp_path / "home"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "kably").symlink_to(daemon.binary())
    shutil.copytree(os.path.join(ROOT, "config"), folder / "config")
    return folder


def run_shell(folder, text, **env):
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env={**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{text}\nended with {done.returncode}:\n{done.stdout}{done.stderr}"
    assert not daemon.REPORT.search(done.stderr), done.stderr
    return done.stdout


def program(path, text):
    path.write_text("#!/usr/bin/env bash\nset -euo pipefail\n" + text)
    path.chmod(0o755)


# Docker, as far as the page's lines go: the files they name are there, and the image's kably takes the command. The
# image itself is test_docker.py's.
DOCKER = """command=$1 && shift
case "$command" in
build) while [[ "$1" != -f ]]; do shift; done && test -f "$2" && test "$3" = . ;;
compose) test "$1" = -f && test -f "$2" && test "$3" = up ;;
run)
    while [[ "$1" != kably ]]; do
        if [[ "$1" = -v ]]; then file=${2%%:*} && test -f "$file"; fi
        shift
    done
    if (($# > 1)); then exec "$@"; fi
    ABLY_API_KEY=app.key:secret exec kably check "$file" ;;
*) exit 1 ;;
esac
"""

# sudo installs below root/ and starts no service.
SUDO = """case "$1" in
install) exec "${@:1:$#-1}" "$HOME/root${*: -1}" ;;
systemctl) unit="${*: -1}" && test -f "config/$unit.service" ;;
*) exec "$@" ;;
esac
"""

CMAKE = """case "$1" in
-S | -B) ;;
--build) mkdir -p build && cp %(binary)s build/kably ;;
--install) shift 2 && DESTDIR=$HOME/root exec %(cmake)s --install %(folder)s "$@" ;;
*) exit 1 ;;
esac
"""


def in_the_sources(home, block):
    """A checkout in which cmake takes the binary under test for what it has built, sudo and docker are those above, and
    scripts/test, which has started this, does nothing."""
    for folder in ("scripts", "docker"):
        shutil.copytree(os.path.join(ROOT, folder), home / folder)
    binary = daemon.binary()
    cmake = CMAKE % {"binary": binary, "cmake": shutil.which("cmake"), "folder": os.path.dirname(binary)}
    program(home / "scripts" / "test", "exit 0\n")
    for name, text in (("cmake", cmake), ("sudo", SUDO), ("docker", DOCKER)):
        program(home / "bin" / name, text)
    out = run_shell(home, block.text, HOME=str(home))
    if "scripts/demo" in block.text or "kably demo" in block.text:
        assert "arrived exactly once" in out
    if "--prefix" in block.text:
        installed = home / "root" / "usr" / "local"
        assert subprocess.run([installed / "bin" / "kably", "--version"], capture_output=True, check=False).returncode == 0
        assert (installed / "lib" / "systemd" / "system" / "kably.service").exists()
    if "kably.lua /etc" in block.text:
        assert (home / "root" / "etc" / "kably" / "kably.lua").read_text() == read("config", "kably.lua")


def run(home, block):
    run_shell(home, block.text)


def run_until(home, block):
    """Commands that go on for ever, until their output holds the text that the comment names."""
    wanted = block.words.removeprefix("run until ")
    with open(home / "out", "wb") as out:
        shell = subprocess.Popen(
            ["bash", "-eu", "-c", block.text + "wait"],
            cwd=home,
            env={**os.environ, "PATH": f"{home}/bin:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        until(lambda: wanted in (home / "out").read_text(), 40, lambda: f"{wanted} in\n{(home / 'out').read_text()}")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGTERM)
        shell.wait()
    assert not daemon.REPORT.search((home / "out").read_text())


def beside_a_sandbox(home, block):
    sandbox = Sandbox(home, kafka=False)
    try:
        run_shell(home, block.text, ABLY_URL=sandbox.ably.url, ABLY_API_KEY=sandbox.ably.key)
    finally:
        sandbox.process.finish()


# ---------------------------------------------------------------------- blocks of files


def run_configuration(home, block):
    """The first configuration with the record below it makes the message below that."""
    check_configuration(home, block.text)
    topic = re.search(r'^topic "(\w+)"', block.text, re.M)[1]
    said = re.search(r"topic `(\w+)`, with the key `(\w+)` and a header `(\w+): (\w+)`", README)
    assert said and said[1] == topic
    record = {
        "partition": 0,
        "key": said[2].encode(),
        "value": the_block("record").text.strip().encode(),
        "headers": [(said[3], said[4].encode())],
    }
    channel = re.search(r"arrives at the channel `([\w:]+)`", README)[1]
    with Run(home, {topic: 1}, block.text) as r:
        r.produce(topic, [record])
        until(lambda: r.ably.unique() == 1, 30, lambda: f"the message; {r.process.tail()}")
        (message,) = r.ably.history(channel)
    expected = json.loads(the_block("message").text)
    id_said = expected["id"].replace("XXXXXXXXXXX", parse_id(message["id"]).tag)
    assert {name: message.get(name) for name in expected} == {**expected, "id": id_said}


class Run:
    """A sandbox and `kably run` on a configuration of the README, its Ably being the sandbox's."""

    def __init__(self, home, topics, text):
        self.home, self.topics, self.text = home, topics, text

    def __enter__(self):
        self.sandbox = Sandbox(self.home, topics=self.topics)
        self.ably = self.sandbox.ably
        self.kafka = Kafka(self.sandbox.bootstrap, real=False)
        path = self.home / "run.lua"
        path.write_text(self.local(self.text))
        env = {"KAFKA_BOOTSTRAP": self.sandbox.bootstrap, "ABLY_API_KEY": self.ably.key}
        self.process = daemon.Process(str(self.home), "kably", "run", path, env=env, secrets={self.ably.key})
        return self

    def local(self, text):
        """The text, its Ably being the sandbox's."""
        assert len(re.findall(r"^ably { ", text, re.M)) == 1
        here = f'ably {{ endpoint = "{self.ably.host}", port = {self.ably.port}, tls = false, '
        return re.sub(r"^ably { ", here, text, flags=re.M)

    def produce(self, topic, records):
        self.kafka.produce(topic, records)

    def __exit__(self, failure, *_):
        self.kafka.close()
        if failure:
            print(self.process.tail())
        self.process.finish()
        self.sandbox.process.finish()


def check_configuration(home, text):
    path = home / "example.lua"
    path.write_text(text)
    done = daemon.command("check", path, env={"ABLY_API_KEY": "app.key:secret"})
    assert done.returncode == 0, done.stderr
    return done


def part_of_a_configuration(home, block):
    check_configuration(home, 'kafka { ["bootstrap.servers"] = "b", ["group.id"] = "g" }\nably { key = env "ABLY_API_KEY" }\n' + block.text)


def the_ably_block(home, block):
    check_configuration(home, 'kafka { ["bootstrap.servers"] = "b", ["group.id"] = "g" }\ntopic "t" { channel = "c" }\n' + block.text)


def as_the_demo_prints_it(home, block):
    shown = subprocess.run(
        [daemon.binary(), "demo", "--records", "12"],
        cwd=home,
        env={**os.environ, "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    ).stdout

    def plain(text):
        return re.sub(r"\d+\.\d ms", "TIME", text)

    assert plain(block.text) in plain(shown), shown


def beside_a_running_kably(home, block):
    """kably runs with its admin server at the usual address, or at another where that is taken on this machine."""
    with Run(home, {"orders": 1}, FIRST + f'admin {{ listen = "127.0.0.1:0" }}\n') as r:
        url = r.process.wait_log(r"admin: listening on (http://\S+)")[1]
        text = block.text.replace("http://127.0.0.1:8088", url)
        run_shell(home, re.sub(r"^kably (reload|status)\b", rf"kably \1 --admin {url}", text, flags=re.M))
        r.process.wait_log(r"reloaded: generation 3")


def with_its_tests(home, block):
    """A whole configuration with tests, which hold, and would not if they expected anything else."""
    path = home / "tested.lua"
    path.write_text(block.text)
    done = daemon.command("test", path)
    assert done.returncode == 0 and done.stdout.count("ok ") == block.text.count("\ntest "), done.stdout + done.stderr
    path.write_text(block.text.replace("expect = ", "expect = not not ", 1))
    assert daemon.command("test", path).returncode == 2


def newcomer(home, block):
    """Somebody with a running kably who wants more of it: the file of the block above, then these commands."""
    first = 'kafka { ["bootstrap.servers"] = env "KAFKA_BOOTSTRAP", ["group.id"] = "kably-orders" }\n'
    first += 'ably { key = env "ABLY_API_KEY" }\nadmin { listen = "127.0.0.1:0" }\ntopic "orders" { channel = "old" }\n'
    with Run(home, {"orders": 1}, first) as r:
        url = r.process.wait_log(r"admin: listening on (http://\S+)")[1]
        r.process.wait_log("assigned")
        record = {"userId": 7, "country": "SE", "card": "123456", "text": "hello"}
        r.produce("orders", [{"partition": 0, "key": "1", "value": json.dumps(record)}])
        until(lambda: r.ably.unique() == 1, 30, r.process.tail)
        text = the_block("newcomer's file").text.replace("admin {}", 'admin { listen = "127.0.0.1:0" }')
        (home / "run.lua").write_text(r.local(text))
        (home / "orders.lua").symlink_to(home / "run.lua")
        env = {"KAFKA_BOOTSTRAP": r.sandbox.bootstrap, "ABLY_API_KEY": r.ably.key}
        out = run_shell(home, block.text.replace("kably reload", f"kably reload --admin {url}"), **env)
        assert "3 tests, 0 failed" in out and '{"channels":["orders:se"]' in out and "generation 2" in out, out
        assert r.ably.unique() == 1, "the preview published something"
        r.produce("orders", [{"partition": 0, "key": "2", "value": json.dumps(record)}])
        until(lambda: r.ably.unique() == 2, 30, r.process.tail)
        (message,) = r.ably.history("orders:se")
        assert json.loads(message["data"])["card"] == "**3456"
        assert message["extras"]["push"]["notification"] == {"title": "Order 2", "body": "hello"}


def nothing(home, block):
    """Run together with the block that needs it."""


FIRST = next(block.text for block in BLOCKS if (block.language, block.words) == ("lua", "run"))

RUNNERS = {
    ("sh", "in the sources"): in_the_sources,
    ("sh", "run"): run,
    ("sh", "run until"): run_until,
    ("sh", "beside a sandbox"): beside_a_sandbox,
    ("sh", "newcomer's commands"): newcomer,
    ("lua", "newcomer's file"): with_its_tests,
    ("lua", "tested"): with_its_tests,
    ("sh", "reload"): beside_a_running_kably,
    ("lua", "run"): run_configuration,
    ("lua", "part"): part_of_a_configuration,
    ("lua", "an ably block"): the_ably_block,
    ("text", "as the demo prints it"): as_the_demo_prints_it,
    ("json", "record"): nothing,
    ("json", "message"): nothing,
    ("json", "template record"): nothing,
}


def runner(block):
    words = "run until" if block.words.startswith("run until ") else block.words
    return RUNNERS.get((block.language, words))


def test_every_block_has_somebody_who_runs_it():
    assert len(BLOCKS) >= 10, "the fences are not read right"
    unknown = [f"line {block.line}: {block.language!r} {block.words!r}" for block in BLOCKS if not runner(block)]
    assert not unknown, f"README.md: no way to run these blocks: {unknown}; known are {sorted(RUNNERS)}"


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"line{block.line}")
def test_block(block, home):
    run_it = runner(block)
    assert run_it, "see test_every_block_has_somebody_who_runs_it"
    run_it(home, block)


def test_a_block_without_words_is_seen():
    assert blocks("a\n\n<!-- test: run -->\n```sh\nx\n```\ntext\n```sh\ny\n```\n") == [
        Block(4, "sh", "run", "x\n"),
        Block(8, "sh", "", "y\n"),
    ]


# ---------------------------------------------------------------------- tables


def test_templates_give_what_the_table_says(home):
    """Each template is a topic's channel; those that fail are skipped."""
    said = re.search(r"the topic `orders` with the key `([^`]+)`, a header\n?\s*`(\w+): (\w+)`", README)
    record = {
        "partition": 0,
        "key": said[1].encode(),
        "value": the_block("template record").text.strip().encode(),
        "headers": [(said[2], said[3].encode())],
    }
    cases = [
        (template, code(gives)[0] if "fails" not in gives else None)
        for cell, gives in table(["template", "gives"])
        for template in code(cell)
    ]
    assert len(cases) > 10
    text = 'kafka { ["bootstrap.servers"] = env "KAFKA_BOOTSTRAP", ["group.id"] = "readme" }\n'
    text += 'ably { key = env "ABLY_API_KEY" }\ndefaults { on_error = { mapping = "skip" } }\n'
    topics = {}
    for number, (template, gives) in enumerate(cases):
        topic = f"orders{number}"
        topics[topic] = 1
        text += f'topic "{topic}" {{ value = "json", channel = [==[{template}]==] }}\n'
    with Run(home, topics, text) as r:
        for topic in topics:
            r.produce(topic, [record])
        expected = {
            f"orders{number}": f"orders{number}" if gives == "orders" else gives
            for number, (_, gives) in enumerate(cases)
            if gives is not None
        }
        until(lambda: r.ably.unique() == len(expected), 30, lambda: f"{len(expected)} messages; {r.process.tail()}")
        for topic in topics:
            r.kafka.wait_committed("readme", topic, {0: 1})
        got = {parse_id(text).topic: channel for channel, text in r.ably.deliveries()}
    assert got == expected
    assert f" {len(cases) - len(expected)} skipped" in r.process.log()


def test_formats_and_failures_are_those_of_the_options():
    options = read("config", "options.md")
    formats = [code(row[0])[0] for row in table(["format", "takes"])]
    assert ", ".join(f'"{name}"' for name in formats[:-1]) + f' or "{formats[-1]}"' in options
    failures = set(code(" ".join(row[0] for row in table(["class", "happens when"]))))
    known = set(re.findall(r'X\(\w+, "(\w+)"', read("src", "base", "err.h")))
    assert failures == known


def test_the_options_are_those_of_the_binary():
    printed = daemon.command("options", "--markdown").stdout
    written = read("config", "options.md")
    assert written.endswith(printed) and printed, (
        "config/options.md is not what kably options --markdown prints: replace all but its first lines by that"
    )


def test_the_log_lines_are_there():
    """Each text of the table is in the sources, C's joined literals being one text."""
    sources = ""
    for path in glob.glob(os.path.join(ROOT, "src", "**", "*.c"), recursive=True):
        with open(path, encoding="utf-8") as file:
            sources += re.sub(r'"\s*(?:PRI\w+\s*)?"', "", file.read())
    lines = [line for cell, _ in table(["line", "means"]) for line in code(cell)]
    assert len(lines) > 8
    for line in lines:
        line = re.sub(r"=(dlq|skip)$", "=", line)
        assert line in sources, f"no source says {line!r}"


def test_the_signals_and_exit_codes():
    codes = {row[0]: row[1] for row in table(["exit code", "means"])}
    assert list(codes) == ["0", "1", "2"]
    assert "0 done, 1 the work failed, 2 wrong usage or configuration" in daemon.command("help").stdout


# ---------------------------------------------------------------------- names


def test_every_file_that_is_named_is_there():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    local = [link for link in links if "://" not in link]
    assert local
    tour = [name for row in table(["read", "what happens"]) for name in code(row[0])]
    assert len(tour) > 10
    tour = [name if name.startswith("lua/") else f"src/{name}" for name in tour]
    scripts = re.findall(r"`(scripts/\w[\w-]*)", README)
    assert len(set(scripts)) > 5
    missing = [path for path in local + tour + scripts if not os.path.exists(os.path.join(ROOT, path))]
    assert not missing, f"README.md names {missing}"
    rooms = {os.path.basename(path) for path in glob.glob(os.path.join(ROOT, "src", "*")) if os.path.isdir(path)}
    passed_by = rooms - {name.split("/")[1] for name in tour}
    assert not passed_by, f"the tour enters no room of {sorted(passed_by)}"
    for script in set(scripts):
        assert os.access(os.path.join(ROOT, script), os.X_OK), script


def test_every_option_that_is_named_is_one():
    """`block { key = ... }` in the text, and commands of kably's."""
    options = read("config", "options.md")
    for block, body in re.findall(r"`(\w+) \{ ([^`]+) \}`", README):
        section = re.search(rf"^### {block}\n(.*?)(?=^### |\Z)", options, re.M | re.S)
        assert section, f"no block {block}"
        for key in re.findall(r"(\w+) = ", body):
            assert f"| `{key}` |" in section[1], f"{block} has no {key}"
    helped = daemon.command("help").stdout
    for name in set(re.findall(r"`kably ([a-z]+)", README)):
        assert re.search(rf"^  {name} ", helped, re.M), f"kably has no {name}"


@pytest.mark.parametrize("name", sorted(os.path.basename(path) for path in glob.glob(os.path.join(ROOT, "config", "*.lua"))))
def test_the_files_of_config_are_good(name):
    """config/demo.lua is run as well, by the tests of the demo."""
    done = daemon.command("check", os.path.join(ROOT, "config", name), env={"ABLY_API_KEY": "app.key:secret"})
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
