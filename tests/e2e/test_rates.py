"""A channel that is over its rate: Ably's answers and the user's own number hold it back, alone; with group =
"when_limited" what waits shares batch specs, and neither a record nor its order is lost, whenever kably dies."""

import collections
import json
import re

import pytest

from local_ably import parse_id
from waiting import until

GROUPED = {"group": "when_limited", "requests_per_second": 0}


class Sets:
    """The deliveries of a topic whose partitions each have one channel: a set's ids then name each of its records."""

    def __init__(self, ably, topic):
        self.first = collections.defaultdict(list)  # partition -> offsets, in the order in which each came first
        self.specs = set()
        self.grouped = 0
        members = collections.defaultdict(set)
        for _, text in ably.deliveries():
            hit = re.fullmatch(rf"{topic}/(\d+)/((\d+)-(\d+)/[\w-]{{11}}):(\d+)", text)
            if hit:
                partition, base, index = int(hit[1]), (int(hit[1]), hit[2]), int(hit[5])
                offset = int(hit[3]) + index
                members[base, int(hit[3]), int(hit[4])].add(index)
                self.grouped += 1
            else:
                found = parse_id(text)
                partition, offset, base = found.partition, found.offset, text
            self.specs.add(base)
            if offset not in self.first[partition]:
                self.first[partition].append(offset)
        for (base, first, last), indexes in members.items():
            assert indexes == set(range(last - first + 1)), f"{base}: {sorted(indexes)}"

    def check(self, counts):
        """{partition: how many records}: all came, in their order."""
        for partition, count in counts.items():
            assert self.first[partition] == list(range(count)), f"partition {partition}"


def records(count, partition=0):
    return [{"key": f"p{partition}", "value": json.dumps({"n": n}), "partition": partition} for n in range(count)]


@pytest.mark.parametrize("protocol", ["json", "msgpack"])
def test_a_limited_channel_drains_in_few_specs(mock_world, daemons, protocol):
    """2,000 records for a channel that takes 10 messages a second: 200 seconds one by one."""
    w = mock_world(partitions=2)
    w.ably.faults({"channel": "rate:p0", "rate": 10})
    w.kafka.produce(w.topic, records(2000) + records(500, 1))
    config = w.config().topic(w.topic, value="json", channel="rate:#{key}")
    kably = daemons.run(config.block("publish", protocol=protocol, **GROUPED))
    w.wait_committed_ends(60)
    kably.stop()
    arrived = Sets(w.ably, w.topic)
    arrived.check({0: 2000, 1: 500})
    limited = [spec for spec in arrived.specs if isinstance(spec, tuple) or parse_id(spec).partition == 0]
    assert len(limited) < 100, f"{len(limited)} specs"
    assert not any(isinstance(spec, tuple) and spec[0] == 1 for spec in arrived.specs), "it was not limited"
    assert w.ably.stats()["duplicates"] == 0
    newest = w.ably.history("rate:p0", newest=500)
    assert [json.loads(m["data"])["n"] for m in newest] == list(range(1999, 1499, -1))


def test_without_groups_each_message_has_its_own_spec(mock_world, daemons):
    w = mock_world(partitions=1)
    w.ably.faults({"channel": "rate:p0", "rate": 10})
    w.kafka.produce(w.topic, records(40))
    config = w.config().topic(w.topic, value="json", channel="rate:#{key}")
    kably = daemons.run(config)
    w.wait_committed_ends(60)
    kably.stop()
    arrived = Sets(w.ably, w.topic)
    assert arrived.grouped == 0 and len(arrived.specs) == 40
    assert sorted(arrived.first[0]) == list(range(40))
    assert w.ably.faulted() > 0, "the channel was never over its rate"


def test_the_users_own_rate_is_kept(mock_world, daemons):
    """What kably keeps to by itself Ably has no reason to refuse; it goes one by one, the other channel at once."""
    w = mock_world(partitions=2)
    w.ably.faults({"rate": 10})
    w.kafka.produce(w.topic, records(12) + records(5, 1))
    config = w.config().topic(w.topic, value="json", channel="rate:#{key}")
    kably = daemons.run(config.block("publish", channel_messages_per_second=5))
    w.wait_committed_ends(60)
    kably.stop()
    arrived = Sets(w.ably, w.topic)
    arrived.check({0: 12, 1: 5})
    assert arrived.grouped == 0
    assert w.ably.faulted() == 0, "Ably had to say so"


def test_own_ids_are_left_alone(mock_world, daemons):
    """An id of the user's own is what Ably must see: such messages wait, and go one by one."""
    w = mock_world(partitions=1)
    w.ably.faults({"channel": "rate:p0", "rate": 10})
    w.kafka.produce(w.topic, records(30))
    config = w.config().topic(w.topic, value="json", channel="rate:#{key}", id="own/0/#{value.n}/x")
    kably = daemons.run(config.block("publish", **GROUPED))
    w.wait_committed_ends(60)
    kably.stop()
    assert sorted(text for _, text in w.ably.deliveries()) == sorted(f"own/0/{n}/x" for n in range(30))


def test_only_the_bad_one_of_a_group_is_refused(mock_world, daemons):
    """Larger than Ably's account takes, though not than kably was told: its mates arrive, it meets its policy."""
    w = mock_world(partitions=1)
    w.ably.faults({"channel": "rate:p0", "rate": 20})
    rows = records(300)
    rows[170]["value"] = json.dumps({"n": 170, "pad": "x" * 70000})
    w.kafka.produce(w.topic, rows)
    config = w.config().topic(w.topic, value="json", channel="rate:#{key}", on_error="skip")
    config.block("publish", **GROUPED)
    config.blocks[1] = config.blocks[1].replace("{\n", "{\n  max_message_size = 200000,\n", 1)
    kably = daemons.run(config)
    w.wait_committed_ends(60)
    kably.stop()
    arrived = [json.loads(m["data"])["n"] for m in w.ably.history("rate:p0")]
    assert arrived == [n for n in range(300) if n != 170]
    assert kably.logged("299 published, 1 skipped"), kably.tail()


def test_sigkill_among_groups_loses_nothing(real_world, daemons, rng):
    """Ten records a second for each channel, killed three times on the way: other groups come of the same records, so
    some may come twice; none is lost, and each comes first in its order."""
    w = real_world(2)
    w.ably.faults({"rate": 10})
    config = w.config().topic(w.topic, value="json", channel="rate:#{key}")
    config.block("publish", max_records=50, **GROUPED)
    w.kafka.produce(w.topic, records(1500) + records(1500, 1))
    kably = daemons.run(config)
    for kill in range(3):
        more = w.ably.unique() + rng.randrange(100, 500)
        until(lambda: w.ably.unique() >= more, 60, lambda: f"{more} before kill {kill}; {kably.tail()}")
        kably.kill()
        kably = daemons.run(config, f"after{kill}")
    w.wait_committed_ends(90)
    kably.stop()
    arrived = Sets(w.ably, w.topic)
    assert arrived.grouped > 1000, arrived.grouped
    arrived.check({0: 1500, 1: 1500})
