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
    assert offsets("--from", 12) == offsets("--from", 100) == []
    assert offsets("--from", -2) == [10, 11]
    assert offsets("--from", "2h") == [8, 9, 10, 11]
    assert offsets("--from", "1970-01-01") == list(range(10))
    assert offsets("--from", "2999-01-01T00:00:00Z") == []
    assert offsets("--topic", w.topic, "--count", 1) == [0]
    done = preview(tmp_path, config, "--from", "2999-01-01")
    assert done.returncode == 0 and done.stderr == f"kably preview: finds no record there in {w.topic}\n" and not done.stdout


def test_who_has_dropped_a_null_value(real_world, tmp_path):
    w = real_world(1)
    w.kafka.produce(w.topic, [{"partition": 0, "key": "k"}])
    kept = Raw("function(r) if r.value == nil then return nil end; return r end")
    for null_value, told in ((None, DROPPED), ("skip", "  dropped: its value is null")):
        more = {"null_value": null_value} if null_value else {}
        config = w.config().topic(w.topic, channel="c", transform=kept, **more)
        assert shown(preview(tmp_path, config)) == {(0, 0): [told]}


def test_what_is_wrong_is_said(real_world, tmp_path):
    w = real_world(1)
    config = config_of(w)
    done = preview(tmp_path, config, "--topic", "nobodys")
    assert done.returncode == 2 and "nobodys" in done.stderr
    assert preview(tmp_path, config, "--from", "yesterday").returncode == 2
    assert preview(tmp_path, config, "--count", "0").returncode == 2
    w.kafka.produce(w.topic, [{"partition": 0, "key": "k", "value": '{"user":1}'}])
    done = preview(tmp_path, config_of(w).topic("^" + w.topic + "-x", channel="x").topic("nobodys", channel="x"))
    assert done.returncode == 0 and len(shown(done)) == 1
    assert done.stderr == 'kably preview: Kafka has no topic "nobodys"\n'
    away = w.config(bootstrap_servers="127.0.0.1:1").topic(w.topic, channel="x")
    done = preview(tmp_path, away)
    assert done.returncode == 1 and "Kafka" in done.stderr


KEY = "o9qXZoPGDNla50VnRwH7cGqIrpyagTxGsRgimKJbY40="
FAN_OUT = """function(record)
  local v = record.value
  if v.broken then error("no such thing") end
  if v.nothing then return {} end
  return { record, { channel = "copy:" .. v.user, name = "copied", data = { n = 1 },
    push = { notification = { title = "T", body = "B" } } } }
end"""


def test_several_messages_and_channels_push_and_encryption(real_world, daemons, tmp_path):
    """Each message of a record is a line; what is encrypted is shown in clear, and how it goes out; what fails for a
    key of its own fails here as well."""
    w = real_world(1)
    values = [{"user": 1, "key": KEY}, {"user": 2, "broken": True}, {"user": 3, "nothing": True}, {"user": 4, "key": "c2hvcnQ="}]
    w.kafka.produce(w.topic, [{"partition": 0, "value": json.dumps(value)} for value in values])
    config = w.config().block("dead_letter", topic=w.topic + "-dlq").topic(
        w.topic,
        channel=["all", "user:#{value.user}"],
        cipher={"key": '#{value.key}'},
        transform=Raw(FAN_OUT),
        push={"notification": {"title": "For #{value.user}", "body": "b"}},
        on_error={"hook": "dlq", "default": "skip"},
    )
    w.kafka.create(w.topic + "-dlq", 1)
    got = shown(preview(tmp_path, config))
    *lines, how = got[0, 0]
    assert how == "  its data goes out encrypted: json/utf-8/cipher+aes-256-cbc"
    specs = [json.loads(line) for line in lines]
    assert [spec["channels"] for spec in specs] == [["all"], ["user:1"], ["copy:1"]]
    told = [spec["messages"][0] for spec in specs]
    assert json.loads(told[0]["data"]) == values[0] and json.loads(told[2]["data"]) == {"n": 1}
    assert [m["extras"]["push"]["notification"]["title"] for m in told] == ["For 1", "For 1", "T"]
    assert re.match(r"  fails: hook: transform: \S+preview\.lua:\d+: no such thing; policy=dlq$", got[0, 1][0])
    assert got[0, 2] == [DROPPED]
    assert re.match(r"  fails: mapping: cipher: .*; policy=skip$", got[0, 3][0]) and "c2hvcnQ" not in got[0, 3][0]
    daemons.run(config)
    until(lambda: w.ably.unique() == 3, 60, "three messages")
    for spec, message in zip(specs, told, strict=True):
        (sent,) = w.ably.history(spec["channels"][0])
        assert sent["encoding"] == how.split()[-1] + "/base64" and sent["data"] != message["data"]
        for member in ("id", "name", "extras"):
            assert sent.get(member) == message.get(member)
