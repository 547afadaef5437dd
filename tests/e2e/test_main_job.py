"""The main job: every record of eight partitions reaches its channel once, in order, and is committed."""

import json

import pytest

import workload
from judge import Arrived
from lua import Config
from waiting import until


@pytest.mark.parametrize("count", [20_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_each_record_once_in_order_and_committed(world, daemons, rng, count):
    w = world(partitions=8)
    produced = list(workload.records(count, 8, rng))
    places = w.kafka.produce(w.topic, produced)

    config = w.config().topic(w.topic, value="json", channel="main:#{key}", name="#{topic}")
    config.block("publish", requests_per_second=0)
    kably = daemons.run(config)
    until(lambda: w.ably.unique() >= count, 180, lambda: f"{count} arrived; {w.ably.stats()}; {kably.tail()}")
    w.wait_committed_ends()
    kably.stop()

    arrived = Arrived(w.ably, w.topic)
    arrived.check_complete(places)
    arrived.check_order()
    assert arrived.repeats() == 0, f"{arrived.repeats()} were delivered twice though nothing was disturbed"
    assert w.kafka.committed(w.group, w.topic, 8) == w.ends()

    last = {record["key"]: record["value"] for record in produced}
    for key, value in rng.sample(sorted(last.items()), 5):
        newest = w.ably.history(f"main:{key}", newest=1)[0]
        assert newest["data"] == value and newest["encoding"] == "json"
        assert newest["name"] == w.topic
        assert newest["extras"]["kafka"]["key"] == key


def test_records_written_while_it_runs_arrive_at_once(real_world, daemons, rng):
    """An idle lane sends at once: the linger is a maximum. Bounded generously, because sanitizers are slow."""
    w = real_world(partitions=1)
    config = w.config().topic(w.topic, channel="live").block("publish", linger_ms=60_000)
    kably = daemons.run(config)
    w.kafka.produce(w.topic, [{"value": "first"}])
    until(lambda: w.ably.unique() == 1, 30, lambda: f"the first; {kably.tail()}")
    w.kafka.produce(w.topic, [{"value": "second"}])
    until(lambda: w.ably.unique() == 2, 5, lambda: f"the second within 5 s; {kably.tail()}")
    w.wait_committed_ends()


def test_a_restart_goes_on_where_it_stopped(world, daemons, rng):
    w = world(partitions=4)
    config = w.config().topic(w.topic, value="json", channel="again:#{key}")
    places = []
    for turn in range(3):
        places += w.kafka.produce(w.topic, workload.records(500, 4, rng, begin=500 * turn))
        kably = daemons.run(config)
        until(lambda: w.ably.unique() >= len(places), 60, lambda: f"turn {turn}; {kably.tail()}")
        kably.stop()
        assert w.kafka.committed(w.group, w.topic, 4) == w.ends()
    arrived = Arrived(w.ably, w.topic)
    arrived.check_complete(places)
    arrived.check_order()
    assert arrived.repeats() == 0


def test_a_pattern_takes_its_topics_and_never_the_dead_letter_topic(kafka, ably, daemons, name):
    names = [f"{name}.a", f"{name}.b"]
    letters = f"{name}.dlq"
    for topic in [*names, letters]:
        kafka.create(topic, 1)
        kafka.produce(topic, [{"value": json.dumps({"from": topic})}])
    config = Config(kafka.bootstrap, name, ably).block("dead_letter", topic=letters)
    config.topic("^" + name + r"\..*", value="json", channel="pattern", on_error="dlq")
    kably = daemons.run(config)
    until(lambda: ably.unique() >= 2, 60, lambda: f"two topics; {kably.tail()}")
    kafka.wait_committed(name, names[0], {0: 1})
    kafka.wait_committed(name, names[1], {0: 1})
    kably.stop()
    got = {json.loads(message["data"])["from"] for message in ably.history("pattern")}
    assert got == set(names)
