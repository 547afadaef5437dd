"""What goes wrong in the Kafka Connect sink that kably replaces, and no other test here shows: B1, B16, B17, B18 of the
list that compares the two."""

import json

from waiting import throughout, until


def test_a_null_field_fails_its_own_record_alone(mock_world, daemons):
    """B1: there it takes up to a hundred records along."""
    w = mock_world(partitions=1)
    w.kafka.produce(w.topic, [{"value": '{"f":"a"}'}, {"value": '{"f":null}'}, {"value": '{"f":"b"}'}])
    config = w.config().topic(w.topic, value="json", channel="null:#{value.f}", on_error="skip")
    kably = daemons.run(config)
    w.wait_committed_ends()
    assert w.ably.unique() == 2, kably.tail()
    assert w.ably.history("null:a") and w.ably.history("null:b")
    assert kably.logged(rf"{w.topic}\[0\]@1: mapping: channel: value.f: is null.*policy=skip")


def test_many_large_records_share_no_request_beyond_its_limit(mock_world, daemons):
    """B16: there a hundred of 30 KiB make one request that is refused for its size."""
    w = mock_world(partitions=1)
    values = [json.dumps({"n": n, "text": "x" * 30_000}) for n in range(100)]
    w.kafka.produce(w.topic, [{"value": value} for value in values])
    kably = daemons.run(w.config().topic(w.topic, value="json", channel="large", on_error="stop"))
    until(lambda: w.ably.unique() >= 100, 60, kably.tail)
    w.wait_committed_ends()
    assert w.ably.stats()["requests"] >= 6, "3 MB in requests of at most 512 KiB"
    assert [message["data"] for message in w.ably.history("large")] == values


def test_a_topic_of_skipped_records_sends_nothing_and_is_committed(mock_world, daemons):
    """B17: there an empty request goes out, and the offsets wait for its answer."""
    w = mock_world(partitions=2)
    w.kafka.produce(w.topic, [{"value": "{", "partition": n % 2} for n in range(20)])
    kably = daemons.run(w.config().topic(w.topic, value="json", channel="none", on_error="skip"))
    w.wait_committed_ends()
    assert w.ably.stats()["requests"] == 0
    kably.stop()
    assert kably.logged(r"ended: 20 records taken, 0 published, 20 skipped")


def test_an_outage_dead_letters_nothing_a_second_time(mock_world, daemons):
    """B18: there a record that went to the dead-letter topic goes there again with the batch that meets a 503."""
    w = mock_world(partitions=1)
    letters = w.topic + "-dlq"
    w.ably.faults({"path": "/messages", "status": 503, "code": 50003})
    w.kafka.produce(w.topic, [{"value": value} for value in ('{"n":1}', "{", '{"n":2}')])
    config = w.config().topic(w.topic, value="json", channel="once", on_error="dlq")
    kably = daemons.run(config.block("dead_letter", topic=letters))

    def dead_letters():
        return sum(w.kafka.ends(letters, w.kafka.partitions(letters)).values())

    until(lambda: w.kafka.exists(letters) and dead_letters() == 1, 30, kably.tail)
    throughout(lambda: kably.running() and w.ably.unique() == 0, 3, kably.tail)
    w.ably.faults()
    until(lambda: w.ably.unique() == 2, 30, kably.tail)
    w.wait_committed_ends()
    assert dead_letters() == 1
