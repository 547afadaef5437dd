"""Functions in the file, in the real binary: what they make of records arrives, and a bad one costs its record."""

import json

from confluent_kafka import Producer

import daemon
from admin import Admin
from lua import Raw
from registry_proxy import RegistryProxy
from waiting import until

HOOKS = """function(record)
    if record.key == "loop" then while true do end end
    if record.key == "bad" then return 5 end
    if record.value.internal then return nil end
    record.value.card = nil
    if record.key == "two" then
      return { record, { channel = "hooks:copy", data = { of = record.offset }, name = "copy" } }
    end
    return record
  end"""


def test_records_go_through_the_functions_of_the_file(world, daemons):
    w = world(partitions=1)
    keys = ["a", "two", "loop", "hidden", "bad", "loop", "loop", "b"]
    values = [{"n": n, "card": "4111", **({"internal": True} if key == "hidden" else {})} for n, key in enumerate(keys)]
    w.kafka.produce(w.topic, [{"key": k, "value": json.dumps(v)} for k, v in zip(keys, values)])
    config = w.config().block("admin", listen="127.0.0.1:0").topic(
        w.topic, value="json", on_error={"hook": "skip", "default": "stop"}, name="#{value.n}",
        channel=Raw('function(record) return "hooks:" .. record.key end'),
        transform=Raw(HOOKS),
        push=Raw('function(r) return { notification = { title = "t" .. r.offset, body = "b" } } end'),
    )
    kably = daemons.run(config)
    admin = Admin(kably)
    w.wait_committed_ends()
    until(lambda: w.ably.unique() >= 4, 30, lambda: f"four messages; {kably.tail()}")
    assert w.ably.unique() == 4
    first = w.ably.history("hooks:a", newest=1)[0]
    assert json.loads(first["data"]) == {"n": 0} and first["name"] == "0"
    assert first["extras"]["push"] == {"notification": {"title": "t0", "body": "b"}}
    copy = w.ably.history("hooks:copy", newest=1)[0]
    assert json.loads(copy["data"]) == {"of": 1} and copy["name"] == "copy" and "/1.1/" in copy["id"]
    assert json.loads(w.ably.history("hooks:two", newest=1)[0]["data"]) == {"n": 1}
    assert json.loads(w.ably.history("hooks:b", newest=1)[0]["data"]) == {"n": 7}
    kably.wait_log(r"@2: hook: transform: \S+\.lua:\d+: still running after 50 ms.*policy=skip")
    # Which function, where it is written, and the line at which it was cut the last time: that of the loop.
    told = kably.wait_log(r"transform at \S+\.lua:(\d+) has been cut 3 times; the last time: \S+\.lua:(\d+): still")
    assert int(told[2]) == int(told[1]) + 1
    assert admin.total("kably_hook_cuts_total") == 3


def test_functions_stand_wherever_a_template_may(mock_world, daemons):
    w = mock_world(partitions=1)
    records = [{"key": "a", "value": '{"user":"u1"}'}, {"key": "gone", "value": None}, {"key": "b", "value": '{"user":"u2"}'}]
    w.kafka.produce(w.topic, records)
    config = w.config().topic(
        w.topic, key="string", value="json",
        channel=[Raw('function(r) return "user:" .. r.value.user end'), "all"],
        name=Raw("function(r, n) return n end"),
        id=Raw('function(r, n) return r.key .. "-" .. n .. ":0" end'),
        null_value=Raw('function(r) return r.key == "gone" and "skip" or "publish" end'),
        extras={"key": False, "ref": {"of": Raw("function(r) return r.offset end")}},
        push={"notification": {"title": Raw('function(r) return "for " .. r.value.user end'), "body": "#{key}"}},
    )
    kably = daemons.run(config)
    w.wait_committed_ends()
    until(lambda: w.ably.unique() >= 4, 30, kably.tail)
    (first,) = w.ably.history("user:u1")
    assert (first["id"], first["name"]) == ("a-1:0", "1")
    push = {"notification": {"title": "for u1", "body": "a"}}
    assert first["extras"] == {"ref": {"of": 0}, "push": push}
    assert [(m["id"], m["name"]) for m in w.ably.history("all")] == [("a-2:0", "2"), ("b-2:0", "2")]
    kably.stop()
    assert w.ably.unique() == 4 and " 1 dropped" in kably.log()


def test_a_counter_is_one_for_all_workers_and_stands_in_the_metrics(mock_world, daemons):
    w = mock_world(partitions=4)
    config = w.config().block("limits", workers=2).block("admin", listen="127.0.0.1:0").topic(
        w.topic, channel="c:#{partition}",
        transform=Raw(
            'function(record) kably.counter("seen.of-p" .. record.partition):add() '
            'kably.counter("bytes:all_"):add(#record.value) return record end'
        ),
    )
    kably = daemons.run(config)
    admin = Admin(kably)
    # A rebalance in the middle would have records taken, and counted, twice.
    until(lambda: [worker["partitions"] for worker in admin.status()["workers"]] == [2, 2], 30, kably.tail)
    w.kafka.produce(w.topic, [{"partition": n % 4, "value": "x" * 10} for n in range(400)])
    until(lambda: w.ably.unique() == 400, 30, kably.tail)
    counters = admin.metrics()["kably_hook_counter_total"]
    named = {dict(labels)["name"]: value for labels, value in counters.items()}
    assert named == {**{f"seen.of-p{n}": 100 for n in range(4)}, "bytes:all_": 4000}


def test_a_cache_is_emptied_when_partitions_are_taken_away(real_world, daemons):
    """A filter with a memory: what another worker may have handled meanwhile is not held for known."""
    w = real_world(partitions=2)
    config = w.config().topic(
        w.topic, channel="c:#{key}",
        transform=Raw("function(record) if known:seen(record.key) then return nil end return record end"),
    )
    config.blocks.insert(0, "local known = kably.cache { size = 100 }\n")

    def produce():
        w.kafka.produce(w.topic, [{"partition": n, "key": f"k{n}", "value": "x"} for n in (0, 1)])

    first = daemons.run(config, "first")
    produce()
    until(lambda: w.ably.unique() == 2, 30, first.tail)
    produce()
    w.wait_committed_ends()
    assert w.ably.unique() == 2, "what was seen a moment ago was dropped"
    second = daemons.run(config, "second")
    until(lambda: len(w.kafka.members(w.group)) == 2, 30, second.tail)
    second.wait_log("assigned")
    produce()
    w.wait_committed_ends()
    until(lambda: w.ably.unique() == 4, 30, lambda: f"{first.tail()}\n{second.tail()}")
    produce()
    w.wait_committed_ends()
    assert w.ably.unique() == 4
    # The second goes: its partition comes back to the first, which had no part in what it saw.
    second.stop()
    produce()
    w.wait_committed_ends()
    until(lambda: w.ably.unique() >= 5, 30, first.tail)


def test_a_state_that_fills_up_is_begun_anew(mock_world, daemons):
    """What a function keeps for ever costs a record now and then, never the records behind it."""
    w = mock_world(partitions=1)
    count = 4000
    w.kafka.produce(w.topic, [{"key": str(n), "value": "x" * 1000} for n in range(count)])
    config = w.config().block("limits", hook_memory="1MiB").block("admin", listen="127.0.0.1:0").topic(
        w.topic, channel="c:#{partition}", on_error={"hook": "skip", "default": "stop"},
        transform=Raw("function(record) kept[#kept + 1] = record.value .. #kept return record end"),
    )
    config.blocks.insert(0, "local kept = {}\n")
    kably = daemons.run(config)
    admin = Admin(kably)
    w.wait_committed_ends(60)
    kably.wait_log(r"WARN hook: worker 0: what the functions keep .* has filled limits \{ hook_memory \}")
    skipped = admin.total("kably_records_skipped_total")
    assert 2 <= skipped <= count / 100, "each state that filled up cost its last record"
    assert kably.logged(r"@\d+: hook: transform: .*memory.*policy=skip")
    until(lambda: w.ably.unique() == count - skipped, 30, kably.tail)


def produce_in_one_batch(w, count, **record):
    """So that all come in one take, and all wait: a partition whose record waits is read no further."""
    producer = Producer({**w.kafka.common, "linger.ms": 2000})
    for _ in range(count):
        producer.produce(w.topic, partition=0, **record)
    until(lambda: producer.poll(0.1) >= 0 and len(producer) == 0, 30, "the batch to be written")  # flush() would split it


def test_a_state_that_fills_up_while_records_wait_is_begun_anew(mock_world, daemons):
    """The same of records that waited for their schema: what they fill is begun anew between two of them."""
    w = mock_world(partitions=1)
    count = 80
    registry = RegistryProxy("nowhere")
    registry.fault = lambda path: (503, b"away")
    value = b"\x00\x00\x00\x00\x07\xa0\x9c\x01" + b"x" * 10000  # of schema 7: a string of 10000 bytes
    produce_in_one_batch(w, count, key="k", value=value)
    config = w.config().block("limits", hook_memory="1MiB").block("admin", listen="127.0.0.1:0").topic(
        w.topic, channel="c:#{partition}", key="string", value="avro", on_error={"hook": "skip", "default": "stop"},
        transform=Raw("function(record) kept[#kept + 1] = record.value:rep(4) .. #kept return record end"),
    ).block("registry", url=registry.url)
    config.blocks.insert(0, "local kept = {}\n")
    kably = daemons.run(config)
    admin = Admin(kably)
    until(lambda: admin.total("kably_records_consumed_total") == count, 30, kably.tail)  # thrice the room
    registry.fault = lambda path: (200, b'{"schema":"\\"string\\""}')
    w.wait_committed_ends(60)
    registry.close()
    skipped = admin.total("kably_records_skipped_total")
    assert 2 <= skipped <= count / 10, "each state that filled up cost its last record"
    until(lambda: w.ably.unique() == count - skipped, 30, kably.tail)


def test_slow_functions_of_records_that_waited_hold_up_nobody(mock_world, daemons):
    """When the schema is there at last, who waited goes on bit by bit: another partition's record comes in between."""
    w = mock_world(partitions=2)
    count = 100
    registry = RegistryProxy("nowhere")
    schema = (200, b'{"schema":"\\"string\\""}')
    registry.fault = lambda path: schema if path.endswith("/8") else (503, b"away")
    values = [b"\x00\x00\x00\x00" + bytes([schema_id]) + b"\x02x" for schema_id in (7, 8)]
    produce_in_one_batch(w, count, key="slow", value=values[0])
    w.kafka.produce(w.topic, [{"partition": 1, "key": "quick", "value": values[1]}])
    config = w.config().block("limits", hook_ms=5000).block("admin", listen="127.0.0.1:0").topic(
        w.topic, channel="#{key}", key="string", value="avro",
        transform=Raw("function(record) if record.key == 'slow' then for i = 1, 5000000 do end end return record end"),
    ).block("registry", url=registry.url)
    kably = daemons.run(config)
    admin = Admin(kably)
    until(lambda: admin.total("kably_records_consumed_total") == count + 1, 30, kably.tail)
    until(lambda: len(w.ably.history("quick")) == 1, 30, kably.tail)
    registry.fault = lambda path: schema
    until(lambda: len(w.ably.history("slow")) > 0, 30, kably.tail)
    w.kafka.produce(w.topic, [{"partition": 1, "key": "quick", "value": values[1]}])
    until(lambda: len(w.ably.history("quick")) == 2, 30, kably.tail)
    assert len(w.ably.history("slow")) < count, "it came behind all that had waited"
    w.wait_committed_ends(60)
    registry.close()
    assert len(w.ably.history("slow")) == count


BOMB = """function(record)
    local n = record.offset % 10
    if n == 0 then return record end
    if n == 1 then local s = "x" while true do s = s .. s end end
    if n == 2 then local t = {} while true do t[#t + 1] = {} end end
    if n == 3 then while true do pcall(function() local t = {} while true do t[#t + 1] = ("x"):rep(9999) .. #t end end) end end
    if n == 4 then return { data = (("x"):rep(1 << 20)):rep(100) } end
    if n == 5 then while true do record.value.x = ("y"):rep(10000) end end
    if n == 6 then while true do record.headers[#record.headers + 1] = { name = "n", value = ("v"):rep(1000) } end end
    if n == 7 then for i = 1, 9 do pcall(kably.json.encode, wide) end error("too wide") end
    if n == 8 then for i = 1, 9 do pcall(kably.json.decode, deep) end error("too deep") end
    local t = {} for i = 1, 900 do t[i] = { data = ("x"):rep(30000) .. i } end return t
  end"""

BOMBS_PARTS = """local x, wide = ("x"):rep(1 << 20), {} for i = 1, 70 do wide[i] = x end
local deep = "[" .. ("[],"):rep(1 << 17) .. "1]"
"""


def test_memory_bombs_leave_the_daemon_as_it_was(mock_world, daemons):
    """Of two workers each may hold hook_memory for its functions and as much again for a record's edits."""
    w = mock_world(partitions=2)
    config = w.config().block("limits", workers=2, hook_memory="8MiB").topic(
        w.topic, value="json", channel="c:#{partition}", on_error="skip", transform=Raw(BOMB)
    )
    config.blocks.insert(0, BOMBS_PARTS)
    w.kafka.produce(w.topic, [{"partition": n % 2, "value": "{}"} for n in range(40)])
    kably = daemons.run(config)
    w.wait_committed_ends(60)
    until(lambda: w.ably.unique() >= 4, 30, kably.tail)
    before = kably.peak_kib()
    w.kafka.produce(w.topic, [{"partition": n % 2, "value": "{}"} for n in range(400)])
    w.wait_committed_ends(180)
    grown = kably.peak_kib() - before
    print(f"peak {before} KiB after 40 records, {grown} KiB more after 400 further ones")
    # A sanitizer keeps what is freed for a while: then only that it ends somewhere is shown.
    assert grown < (400 if daemon.sanitized() else 64) * 1024
    assert before < (800 if daemon.sanitized() else 200) * 1024


def test_a_reload_brings_other_functions_and_forgets_what_they_knew(mock_world, daemons):
    """Each worker has functions of its own, and one counter; records come all the while."""
    w = mock_world(partitions=4)
    hook = 'function(record) {counts} if known:seen(record.key) then return nil end return {{ channel = "{channel}" }} end'
    counts = 'kably.counter("taken"):add()'

    def config(channel):
        config = w.config().block("limits", workers=2).block("admin", listen="127.0.0.1:0")
        config.topic(w.topic, channel="unused", transform=Raw(hook.format(channel=channel, counts=counts)))
        config.blocks.insert(0, "local known = kably.cache { size = 10000 }\n")
        return config

    kably = daemons.run(config("one"), "kably")
    admin = Admin(kably)
    until(lambda: [worker["partitions"] for worker in admin.status()["workers"]] == [2, 2], 30, kably.tail)
    taken = 0
    for turn, channel in enumerate(["one", "two", "three", "four"]):
        if turn:
            with open(f"{daemons.folder}/kably.lua", "w", encoding="utf-8") as file:
                file.write(config(channel).text())
            assert admin.ask("/reload", method="POST", seconds=60)[0] == 200, kably.tail()
        for repeat in range(2):  # the second time all of it is known
            w.kafka.produce(w.topic, [{"partition": n % 4, "key": f"k{n}", "value": "x"} for n in range(200)])
            taken += 200
            w.wait_committed_ends()
            until(lambda: len(w.ably.history(channel)) >= 200, 30, kably.tail)
            assert len(w.ably.history(channel)) == 200, f"turn {turn}, repeat {repeat}"
    assert admin.metrics()["kably_hook_counter_total"] == {frozenset({("name", "taken")}): taken}
