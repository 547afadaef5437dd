"""The helpers of the end-to-end tests are tested: each thing they promise to notice, they notice."""

import os
import time

import pytest

import daemon
from judge import Arrived
from local_ably import parse_id
from lua import Raw, value
from waiting import throughout, until


@pytest.fixture
def script(tmp_path):
    """script(text) -> a running Process that stands in for kably."""

    def start(text, **options):
        path = tmp_path / "stand-in"
        path.write_text("#!/usr/bin/env bash\n" + text)
        path.chmod(0o755)
        process = daemon.Process(str(tmp_path), "stand-in", program=str(path), **options)
        started.append(process)
        return process

    started = []
    yield start
    for process in started:
        if process.running():
            process.child.kill()
            process.child.wait()


READY = "echo ready >&2\n"


def test_a_clean_end_is_accepted(script):
    process = script("trap 'exit 0' TERM\n" + READY + "while :; do sleep 0.02; done\n")
    process.wait_log("ready")
    process.stop()


def test_hanging_on_sigterm_is_a_failure(script, monkeypatch):
    monkeypatch.setattr(daemon.Process.ended, "__defaults__", (0.5,))
    process = script("trap '' TERM\n" + READY + "while :; do sleep 0.02; done\n")
    process.wait_log("ready")
    with pytest.raises(AssertionError, match="had not ended"):
        process.stop()


def test_a_wrong_exit_code_is_a_failure(script):
    process = script("trap 'exit 3' TERM\n" + READY + "while :; do sleep 0.02; done\n")
    process.wait_log("ready")
    with pytest.raises(AssertionError, match="exit code 3"):
        process.stop()


@pytest.mark.parametrize(
    "report",
    [
        "==1==ERROR: AddressSanitizer: heap-use-after-free",
        "==1==ERROR: LeakSanitizer: detected memory leaks",
        "WARNING: ThreadSanitizer: data race",
        "a.c:3:4: runtime error: signed integer overflow",
    ],
)
def test_a_sanitizer_report_is_a_failure(script, report):
    process = script(f"echo '{report}' >&2\n")
    with pytest.raises(AssertionError, match="Sanitizer|runtime error"):
        process.ended()


def test_a_hang_of_librdkafka_that_was_given_up_is_a_failure(script):
    process = script("echo 'the Kafka client did not leave its group within 4 s' >&2\n")
    with pytest.raises(AssertionError, match="librdkafka hung"):
        process.ended()


@pytest.mark.parametrize("stream", [1, 2])
def test_a_secret_in_what_it_writes_is_a_failure(script, stream):
    process = script(f"echo 'key is hunter2' >&{stream}\n", secrets=["hunter2"])
    with pytest.raises(AssertionError, match="wrote a secret"):
        process.ended()


def test_ending_before_the_line_that_is_waited_for_is_a_failure(script):
    process = script("echo something else >&2\n")
    with pytest.raises(AssertionError, match="ended before"):
        process.wait_log("ready", 5)


def test_daemons_judge_what_a_test_left_running(script, tmp_path):
    process = script("echo 'runtime error: x' >&2\n")
    process.child.wait()
    left = daemon.Daemons(tmp_path)
    left.started.append(process)
    with pytest.raises(AssertionError, match="runtime error"):
        left.stop_all(broken=False)


def test_waiting_ends_at_its_deadline_and_says_for_what():
    begun = time.monotonic()
    with pytest.raises(AssertionError, match="the moon"):
        until(lambda: False, 0.2, "the moon")
    assert time.monotonic() - begun < 2
    with pytest.raises(AssertionError, match="the sun"):
        throughout(lambda: False, 0.2, "the sun")
    assert until(lambda: "found", 1, "it") == "found"


class Ably:
    """A stand-in that has these deliveries."""

    def __init__(self, *deliveries):
        self.list = deliveries

    def deliveries(self):
        return self.list


def delivery(channel, partition, offset):
    return channel, f"t/{partition}/{offset}/abcdefghijk:0"


def test_the_judge_sees_loss_strangers_repeats_and_disorder():
    good = Arrived(Ably(delivery("a", 0, 1), delivery("b", 0, 2), delivery("a", 0, 5), delivery("a", 0, 1)), "t")
    good.check_complete([(0, 1), (0, 2), (0, 5)])
    good.check_order()
    assert good.repeats() == 1
    with pytest.raises(AssertionError, match="1 of 4 records lost"):
        good.check_complete([(0, 1), (0, 2), (0, 5), (1, 0)])
    with pytest.raises(AssertionError, match="1 ids that no record has"):
        good.check_complete([(0, 1), (0, 2)])
    disorder = Arrived(Ably(delivery("a", 0, 5), delivery("a", 1, 2), delivery("a", 0, 1)), "t")
    with pytest.raises(AssertionError, match="1 times out of order"):
        disorder.check_order()


def test_two_ids_of_one_record_are_seen():
    twice = Arrived(Ably(("a", "t/0/1/abcdefghijk:0"), ("a", "t/0/1/zzzzzzzzzzz:0")), "t")
    with pytest.raises(AssertionError, match="several ids"):
        twice.check_complete([(0, 1)])


def test_ids_are_read_strictly():
    assert parse_id("a/b/3/42.2/abcdefghijk:0") == ("a/b", 3, 42, 2, "abcdefghijk")
    for bad in ("t/0/1/short:0", "t/0/1/abcdefghijk", "t/0/1/abcdefghijk:1", "t/x/1/abcdefghijk:0"):
        with pytest.raises(AssertionError):
            parse_id(bad)


def test_python_values_become_lua():
    given = {"a.b": [1, True, 'q"\\\n'], "e": Raw('env "X"'), "f": 0.5}
    assert value(given) == '{ ["a.b"] = { 1, true, "q\\"\\\\\\n" }, ["e"] = env "X", ["f"] = 0.5 }'


def test_nothing_of_the_tests_sleeps_for_a_guessed_time():
    folder = os.path.dirname(os.path.abspath(daemon.__file__))
    for file in os.listdir(folder):
        if file.endswith(".py") and file != "waiting.py":
            with open(os.path.join(folder, file), encoding="utf-8") as source:
                assert "time.sleep" not in source.read(), file
