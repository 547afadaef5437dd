"""What one partition or one channel suffers is not the others' trouble, however much of it there is."""

import json

import pytest

from admin import Admin
from judge import Arrived, check_all_arrived
from lua import Raw
from waiting import throughout, until

MEMORY = "16MiB"  # a worker then pauses partitions from 4 MB on


def paused(admin, reason):
    return [partition for partition in admin.status()["partitions"] if reason in partition["paused"]]


def test_a_backlog_on_one_channel_holds_up_no_other_partition(real_world, daemons):
    """Symptom: the records of one limited channel filled the worker's memory, and all partitions were paused."""
    w = real_world(partitions=2)
    w.ably.faults({"channel": "c:0", "status": 429, "code": 42913})
    value = json.dumps({"pad": "x" * 300})
    places = w.kafka.produce(w.topic, [{"value": value, "partition": 0}] * 20000)
    config = w.config().topic(w.topic, value="json", channel="c:#{partition}")
    config.block("publish", requests_per_second=0).block("limits", memory=MEMORY)
    kably = daemons.run(config)
    until(lambda: w.ably.faulted() > 3, 60, kably.tail)
    for _ in range(5):
        places += w.kafka.produce(w.topic, [{"value": value, "partition": 1}] * 50)
        until(lambda: len(w.ably.history("c:1")) >= len(places) - 20000, 30, lambda: f"the other; {kably.tail()}")
    assert not w.ably.history("c:0")
    w.ably.faults()
    w.wait_done(places, kably)
    kably.stop()
    arrived = Arrived(w.ably, w.topic)
    arrived.check_complete(places)
    arrived.check_order()


@pytest.mark.long
def test_retry_after_for_a_channel_is_honoured_up_to_a_minute(mock_world, daemons):
    w = mock_world(partitions=1)
    hour = {"Retry-After": "3600"}
    w.ably.faults({"channel": "c:0", "status": 429, "code": 42913, "headers": hour, "times": 1})
    kably = daemons.run(w.config().topic(w.topic, value="json", channel="c:#{partition}"))
    w.kafka.produce(w.topic, [{"value": "1", "partition": 0}])
    until(lambda: w.ably.unique() == 1, 75, lambda: f"the record after a minute; {w.ably.stats()}; {kably.tail()}")


FAN_OUT = Raw(
    """function(record)
  local out = {}
  for i = 1, 6 do out[i] = { channel = "fan:" .. i, data = "n" .. i } end
  out[7] = { channel = "fan:1", data = "again" }
  return out
end"""
)


@pytest.mark.parametrize("policy", ["skip", "dlq", "stop"])
def test_a_record_of_many_messages_meets_its_policy_once(real_world, daemons, policy):
    """Two of the seven are refused, in requests of their own: one outcome, and the other five stay published."""
    w = real_world(partitions=1)
    letters = w.topic + "-dlq"
    refused = [{"channel": f"fan:{i}", "status": 401, "code": 40160} for i in (3, 5)]
    w.ably.faults(refused[0], {**refused[1], "delay_ms": 300})
    w.kafka.produce(w.topic, [{"value": json.dumps(n)} for n in range(10)])
    config = w.config().topic(w.topic, value="json", channel="x", on_error=policy, transform=FAN_OUT)
    kably = daemons.run(config.block("dead_letter", topic=letters).block("publish", max_records=4))
    if policy == "stop":
        assert kably.ended(30) == 1
        assert w.kafka.committed(w.group, w.topic, 1)[0] <= 0
        return
    w.wait_committed_ends()
    kably.stop()
    for i in (1, 2, 4, 6):
        assert len(w.ably.history(f"fan:{i}")) == (20 if i == 1 else 10)
    assert w.ably.stats()["raw"] == 50, w.ably.stats()
    if policy == "dlq":
        assert w.kafka.ends(letters, 1) == {0: 10}


def test_what_is_held_is_bounded_while_ably_takes_nothing(mock_world, daemons):
    """Twice as much in Kafka as the process may hold: partitions are paused, and the ceiling is not reached."""
    w = mock_world(partitions=8)
    w.ably.faults({"path": "/messages", "status": 503})
    value = json.dumps({"pad": "x" * 10000})
    w.places = w.kafka.produce(w.topic, ({"value": value, "partition": n % 8} for n in range(3200)))
    config = w.config().topic(w.topic, value="json", channel="c:#{partition}").block("limits", memory=MEMORY)
    kably = daemons.run(config.block("admin", listen="127.0.0.1:0"))
    admin = Admin(kably)
    until(lambda: paused(admin, "memory"), 60, lambda: f"paused; {admin.status()}")

    def within():
        (worker,) = admin.status()["workers"]
        return 4 << 20 < worker["held_bytes"] < 16 << 20

    throughout(within, 3, lambda: admin.status()["workers"])
    assert w.ably.unique() == 0
    w.ably.faults()
    assert check_all_arrived(w, kably).repeats() == 0


@pytest.mark.long
def test_the_window_bounds_a_partition_and_lets_go(real_world, daemons):
    """One record that waits, and so many behind it with an outcome: the partition is paused, not its memory filled."""
    w = real_world(partitions=1)
    w.ably.faults({"channel": "c:held", "status": 429, "code": 42913})
    count = 200000
    w.kafka.produce(w.topic, [{"key": "held", "value": "0", "partition": 0}])
    w.kafka.produce(w.topic, ({"key": f"k{n % 50}", "value": str(n), "partition": 0} for n in range(count)))
    config = w.config().topic(w.topic, value="json", channel="c:#{key}")
    kably = daemons.run(config.block("publish", requests_per_second=0).block("admin", listen="127.0.0.1:0"))
    admin = Admin(kably)
    until(lambda: paused(admin, "window"), 60, lambda: f"paused; {admin.status()}")
    assert w.ably.unique() < count
    w.ably.faults()
    until(lambda: w.ably.unique() >= count + 1, 90, lambda: f"{w.ably.stats()}; {kably.tail()}")
    w.wait_committed_ends()
    kably.stop()
    arrived = Arrived(w.ably, w.topic)
    arrived.check_order()
    assert arrived.repeats() == 0
