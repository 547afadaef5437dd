"""`kably check`: records of the file's tests through templates and functions; --online, what is there."""

import os
import re

import pytest

import daemon
from conftest import ROOT
from lua import Config

TESTED = """
topic "orders" {{ channel = function(r) return "user:" .. {field} end, on_error = "skip" }}
test "one" {{ given = {{ key = "k", value = {{ userId = 7 }} }}, expect = {{ channel = "user:7" }} }}
test "none" {{ given = {{ value = {{}} }}, expect = {{ fails = "hook" }} }}
"""


def check(folder, text, *arguments, env=None):
    path = folder / "check.lua"
    path.write_text(text)
    return daemon.command("check", path, *arguments, env={"ABLY_API_KEY": "app.key:secret", **(env or {})})


HEAD = 'kafka { ["bootstrap.servers"] = "127.0.0.1:1", ["group.id"] = "g" }\nably { key = env "ABLY_API_KEY" }\n'


def test_the_tests_records_go_through_the_functions(tmp_path):
    done = check(tmp_path, HEAD + TESTED.format(field="r.value.userId"))
    assert done.returncode == 0 and "0 warnings" in done.stdout, done
    done = check(tmp_path, HEAD + TESTED.format(field="r.value.usrId"))
    assert done.returncode == 0 and "1 warning" in done.stdout
    assert 'check.lua:5: test "one": its record fails: hook: ' in done.stderr and "check.lua:4" in done.stderr
    assert '"none"' not in done.stderr, "that one is to fail"


def test_a_broken_test_is_an_error(tmp_path):
    done = check(tmp_path, HEAD + 'topic "t" { channel = "c" }\ntest "x" { given = 7, expect = "drop" }\n')
    assert done.returncode == 2 and "check.lua:4: test \"x\": given: expected a record" in done.stderr


def test_a_block_that_is_never_reached_is_told(tmp_path):
    done = check(tmp_path, HEAD + 'topic "^or.*" { channel = "a" }\ntopic { "x", "orders" } { channel = "b" }\n')
    assert done.returncode == 0 and "1 warning" in done.stdout
    assert 'check.lua:4: topic "x", "orders": the topic "orders" never comes here: ' in done.stderr
    assert "check.lua:3" in done.stderr


def test_a_name_that_nothing_stands_for_is_told(tmp_path):
    text = HEAD + """
local helper = { x = 1 }
function named(a, ...) return a, select("#", ...) end
topic "t" {
  transform = function(record)
    local list, n <const> = {}, 1
    for key, value in pairs(helper) do list[key] = value + n end
    for i = 1, 2 do list[i] = { name = i, ["x y"] = i; other = string.format("%d", i) } end
    -- a comment with words, "and a text' with [[ brackets
    if recrod.value.a then goto done end
    named(list.nothing:method(), 0x1F, 1e5, [==[ words ]] in here ]==], 'it\\'s' .. record.key)
    ::done::
    return record, kably.null, _ENV
  end,
  channel = function(_) return "c" .. Helper.x end,
}
"""
    done = check(tmp_path, text)
    assert done.returncode == 0 and "2 warnings" in done.stdout, done
    assert 'check.lua:12: nothing here has the name "recrod": ' in done.stderr
    assert 'check.lua:17: nothing here has the name "Helper": ' in done.stderr


SHADOWED = """topic "t" {{
  key = "string", value = "json",
  channel = {channel},
  name = "#{{topic}}",
  client_id = "me",
  push = {{ notification = {{ title = "t", body = "b" }} }},
  extras = {{ headers = false, privileged = true }},
  id = {id},
  transform = function(record)
    local v = record.value
    local mine = {{ channel = v.c, name = v.n, client_id = v.i, push = v.p, extras = v.e and {{ own = true }} }}
    return v.twice and {{ record, mine }} or {{ mine }}
  end,
}}
"""
OWN = {
    "channel": 'c = "own"',
    "name": 'n = "own"',
    "client_id": 'i = "own"',
    "push": 'p = { notification = { title = "own", body = "own" } }',
    "extras": "e = true",
}


def shadowed(folder, *values, channel="function() return 'f' end", id="nil"):
    """(warnings, the keys that are told to have no effect)"""
    tests = "".join(f'test "{n}" {{ given = {{ value = {{ {v} }} }}, expect = {{ {{}}, {{}} }} }}\n' for n, v in enumerate(values))
    done = check(folder, HEAD + SHADOWED.format(channel=channel, id=id) + tests.replace("{}, {}", '{ id = "x" }'))
    assert done.returncode == 0, done
    told = re.findall(
        r'^\S+check\.lua:\d+: topic "t": (\w+): has no effect on the tests\' records: transform \(\S+check\.lua:11\)'
        r" gives each message its own; .+ \(warning\)$",
        done.stderr,
        re.M,
    )
    return int(re.search(r"(\d+) warning", done.stdout)[1]), told


@pytest.mark.parametrize("key", OWN)
def test_a_setting_that_transform_makes_useless_is_told(tmp_path, key):
    assert shadowed(tmp_path, OWN[key]) == (1, [key])
    assert shadowed(tmp_path, OWN[key], OWN[key]) == (1, [key])
    assert shadowed(tmp_path, OWN[key], "x = 1") == (0, []), "one of two records needs it"
    assert shadowed(tmp_path, OWN[key] + ", twice = true") == (0, []), "one of two messages needs it"
    assert shadowed(tmp_path, ", ".join(OWN.values())) == (len(OWN), list(OWN))


def test_a_channel_of_plain_text_is_a_placeholder(tmp_path):
    assert shadowed(tmp_path, OWN["channel"], channel='"none"') == (0, [])
    assert shadowed(tmp_path, OWN["channel"], channel='"c:#{key}"') == (1, ["channel"])
    assert shadowed(tmp_path, OWN["channel"], channel='{ "a", "b" }') == (1, ["channel"])


def test_an_id_that_two_messages_of_a_record_share_is_told(tmp_path):
    """Ably would drop the second as a repeat of the first: the record fails. On another channel it is none."""
    assert shadowed(tmp_path, "x = 1, twice = true", channel='"c"', id='"#{offset}"') == (1, [])
    done = check(tmp_path, (tmp_path / "check.lua").read_text())
    assert 'test "0": its record fails: message: id: messages 1 and 2 have the same on one channel' in done.stderr
    assert shadowed(tmp_path, OWN["channel"] + ", twice = true", channel='"c"', id='"#{offset}"') == (0, [])


def test_the_shipped_files_use_no_unknown_name():
    for name in ("config/demo.lua", "config/kably.lua"):
        done = daemon.command("check", os.path.join(ROOT, name), env={"ABLY_API_KEY": "app.key:secret"})
        assert done.returncode == 0 and "nothing here" not in done.stderr, done


def test_online_tells_what_is_there(world, tmp_path):
    w = world(3)
    config = w.config().topic(w.topic, channel="c")
    w.kafka.produce(w.topic, [{"partition": p, "value": "v"} for p in range(3)])  # it has its leaders
    done = check(tmp_path, config.text(), "--online", env=config.env)
    assert done.returncode == 0, done
    assert f"{w.topic} with 3 partitions" in done.stdout and "Kafka: 1 broker, cluster " in done.stdout
    key_name, secret = w.ably.key.split(":", 1)
    assert f'takes the key {key_name}, which may do {{"*":["*"]}}' in done.stdout
    assert secret not in done.stdout + done.stderr
    assert not w.ably.deliveries() and set(w.kafka.committed(w.group, w.topic, 3).values()) == {-1001}
    if w.kafka.real:
        assert w.kafka.members(w.group) == []


def test_online_tells_what_is_amiss(real_world, ably, tmp_path, name):
    w = real_world(1)
    config = w.config().topic(w.topic, channel="c").topic(name + "-missing", channel="c")
    done = check(tmp_path, config.text(), "--online", env={"ABLY_API_KEY": "app.keyid:not-the-secret"})
    assert done.returncode == 1
    assert f"Kafka: there is no topic {name}-missing" in done.stdout
    assert "HTTP 401: " in done.stdout and "not-the-secret" not in done.stdout + done.stderr
    away = Config("127.0.0.1:1", "g", ably).topic("t", channel="c")
    away.blocks[1] = 'ably { key = env "ABLY_API_KEY", endpoint = "127.0.0.1", port = 1, tls = false }\n'
    done = check(tmp_path, away.text(), "--online", env=away.env)
    assert done.returncode == 1 and "Kafka: " in done.stdout and "Ably: http://127.0.0.1:1: " in done.stdout
