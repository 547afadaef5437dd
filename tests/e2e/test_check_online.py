"""`kably check`: records of the file's tests through templates and functions; --online, what is there."""

import os

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
    return record, kably.null
  end,
  channel = function(_) return "c" .. Helper.x end,
}
"""
    done = check(tmp_path, text)
    assert done.returncode == 0 and "2 warnings" in done.stdout, done
    assert 'check.lua:12: nothing here has the name "recrod": ' in done.stderr
    assert 'check.lua:17: nothing here has the name "Helper": ' in done.stderr


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
