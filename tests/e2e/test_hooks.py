"""Functions in the file, in the real binary: what they make of records arrives, and a bad one costs its record."""

import json

from lua import Raw
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
    config = w.config().topic(
        w.topic, value="json", on_error={"hook": "skip", "default": "stop"}, name="#{value.n}",
        channel=Raw('function(record) return "hooks:" .. record.key end'),
        transform=Raw(HOOKS),
        push=Raw('function(r) return { notification = { title = "t" .. r.offset, body = "b" } } end'),
    )
    kably = daemons.run(config)
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
    kably.wait_log(r"transform at \S+\.lua:\d+ has been cut 3 times")
