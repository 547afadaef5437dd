"""`kably preview`: the very requests that the daemon would send, from real topics, and nobody notices."""

import json
import re
import time

import daemon
from lua import Raw
from waiting import until

DROPPED = "  dropped: by transform"


def preview(folder, config, *arguments, seconds=60):
    path = folder / "preview.lua"
    path.write_text(config.text())
    done = daemon.command("preview", path, *arguments, env=config.env, seconds=seconds)
    for secret in config.secrets:
        assert secret not in done.stdout + done.stderr
    return done


def shown(done):
    """{(partition, offset): the lines below its head}"""
    assert done.returncode == 0, done.stderr
    records, here = {}, None
    for line in done.stdout.splitlines():
        if head := re.match(r"\S+\[(\d+)\]@(\d+)  20\d\d-\d\d-\d\dT[\d:.]+Z", line):
            here = records.setdefault((int(head[1]), int(head[2])), [])
        else:
            here.append(line)
    return records


HOOK = Raw("function(r) if r.value.hidden then return nil end; r.value.card = nil; return r end")


def config_of(w):
    return w.config().topic(
        w.topic, value="json", channel="user:#{value.user}", name="#{topic}", transform=HOOK, on_error="skip"
    )


def test_it_shows_what_the_daemon_sends_and_leaves_no_trace(world, daemons, tmp_path):
    w = world(2)
    records = [
        {"partition": 0, "key": "a", "value": json.dumps({"user": 1, "card": "x", "n": 1.50})},
        {"partition": 1, "key": "b", "value": json.dumps({"user": 2, "hidden": True})},
        {"partition": 1, "key": "c", "value": json.dumps({"other": 3}), "headers": [("h", b"1")]},
        {"partition": 1, "key": "d", "value": "{"},
        {"partition": 0, "key": "e", "value": json.dumps({"user": 5}), "headers": [("h", b"1")]},
    ]
    w.kafka.produce(w.topic, records)
    config = config_of(w)
    got = shown(preview(tmp_path, config))
    assert set(got) == {(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)}
    assert got[1, 0] == [DROPPED]
    assert re.match(r"  fails: mapping: channel: value\.user: .*; policy=skip", got[1, 1][0])
    assert re.match(r"  fails: decode: value: .*; policy=skip", got[1, 2][0])
    assert w.ably.stats()["published"] == 0 and not w.ably.deliveries()
    assert set(w.kafka.committed(w.group, w.topic, 2).values()) == {-1001}
    if w.kafka.real:
        assert w.kafka.members(w.group) == []
    # And those are the messages that come, with their ids.
    daemons.run(config)
    until(lambda: w.ably.unique() == 2, 60, "two messages")
    for place, user in (((0, 0), 1), ((0, 1), 5)):
        (line,) = got[place]
        spec = json.loads(line)
        (message,) = w.ably.history(f"user:{user}")
        assert spec["channels"] == [f"user:{user}"]
        (sent,) = spec["messages"]
        assert {name: message.get(name) for name in sent} == sent


def test_a_running_daemon_and_its_group_are_not_disturbed(real_world, daemons, tmp_path, kafka):
    w = real_world(2)
    w.kafka.produce(w.topic, [{"partition": n % 2, "key": "k", "value": '{"user":1}'} for n in range(20)])
    config = config_of(w)
    kably = daemons.run(config)
    until(lambda: w.ably.unique() == 20, 60, kably.tail)
    w.wait_committed_ends()
    members, committed = kafka.members(w.group), w.kafka.committed(w.group, w.topic, 2)
    assert len(shown(preview(tmp_path, config, "--count", 100))) == 20
    assert kafka.members(w.group) == members
    assert w.kafka.committed(w.group, w.topic, 2) == committed
    w.kafka.produce(w.topic, [{"partition": 0, "key": "k", "value": '{"user":1}'}])
    until(lambda: w.ably.unique() == 21, 30, kably.tail)
    assert not kably.logged("revoked")


def test_where_it_begins_and_how_much_it_shows(real_world, tmp_path):
    w = real_world(1)
    w.kafka.produce(w.topic, [{"partition": 0, "key": "k", "value": '{"user":1}', "timestamp": 1000 + n} for n in range(8)])
    between = int(time.time() * 1000) - 3600 * 1000
    w.kafka.produce(w.topic, [{"partition": 0, "value": '{"user":1}', "timestamp": between + n} for n in range(4)])
    config = config_of(w)

    def offsets(*arguments):
        done = preview(tmp_path, config, *arguments)
        assert done.returncode == 0, done.stderr
        return [int(offset) for offset in re.findall(r"^\S+\[0\]@(\d+)", done.stdout, re.M)]

    assert offsets() == list(range(10)), "ten unless told otherwise"
    assert offsets("--from", "beginning", "--count", 3) == [0, 1, 2]
    assert offsets("--from", 9) == [9, 10, 11]
    assert offsets("--from", -2) == [10, 11]
    assert offsets("--from", "2h") == [8, 9, 10, 11]
    assert offsets("--from", "1970-01-01") == list(range(10))
    assert offsets("--from", "2999-01-01T00:00:00Z") == []
    assert offsets("--topic", w.topic, "--count", 1) == [0]


def test_what_is_wrong_is_said(real_world, tmp_path):
    w = real_world(1)
    config = config_of(w)
    done = preview(tmp_path, config, "--topic", "nobodys")
    assert done.returncode == 2 and "nobodys" in done.stderr
    assert preview(tmp_path, config, "--from", "yesterday").returncode == 2
    assert preview(tmp_path, config, "--count", "0").returncode == 2
    away = w.config(bootstrap_servers="127.0.0.1:1").topic(w.topic, channel="x")
    done = preview(tmp_path, away)
    assert done.returncode == 1 and "Kafka" in done.stderr
