"""One poison record among a hundred: 99 arrive and one meets its policy, stop, skip or dlq, whatever the poison."""

import collections

import pytest

import workload
from judge import Arrived
from waiting import until

PARTITIONS, RECORDS, POISON = 4, 100, 37
HEADERS = [("plain", b"text"), ("twice", b"1"), ("twice", b"2"), ("binary", b"\xff\x00\xfe"), ("null", None)]
TIMESTAMP = 1_600_000_000_123

Kind = collections.namedtuple("Kind", "key value failure")
KINDS = {
    "bad-json": Kind(b"user1", b'{"user": 1, "broken": ', "decode"),
    "unmappable": Kind(b"user1", b'{"text": "no such field"}', "mapping"),
    "too-large": Kind(b"user1", b'{"user": 1, "text": "' + b"x" * 70_000 + b'"}', "message"),
}


class Poisoned:
    """A topic of a hundred records, one of them poison, and the file that reads it."""

    def __init__(self, world, rng, kind, on_error):
        self.w = world(PARTITIONS)
        self.letters = self.w.topic + "-dlq"
        self.kind = KINDS[kind]
        records = list(workload.records(RECORDS, PARTITIONS, rng))
        records[POISON] = {
            "partition": records[POISON]["partition"],
            "key": self.kind.key,
            "value": self.kind.value,
            "headers": HEADERS,
            "timestamp": TIMESTAMP,
        }
        self.places = self.w.kafka.produce(self.w.topic, records)
        self.place = self.places[POISON]
        self.good = [place for place in self.places if place != self.place]
        self.config = self.w.config().topic(
            self.w.topic, value="json", channel="poison:#{value.user}", on_error=on_error
        )
        if "dlq" in str(on_error):
            self.config.block("dead_letter", topic=self.letters)

    @property
    def name(self):
        return f"{self.w.topic}[{self.place[0]}]@{self.place[1]}"

    def wait_good(self, kably):
        until(lambda: self.w.ably.unique() >= len(self.good), 60, lambda: f"the 99 others; {kably.tail()}")
        self.w.wait_committed_ends()
        arrived = Arrived(self.w.ably, self.w.topic)
        arrived.check_complete(self.good)
        arrived.check_order()


@pytest.mark.parametrize("kind", KINDS)
def test_skip_leaves_the_one_record_out(real_world, daemons, rng, kind):
    poisoned = Poisoned(real_world, rng, kind, "skip")
    kably = daemons.run(poisoned.config)
    poisoned.wait_good(kably)
    assert poisoned.name in kably.log(), "a skipped record is named in the log"
    kably.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_dlq_keeps_the_original_and_says_why(real_world, daemons, rng, kind):
    poisoned = Poisoned(real_world, rng, kind, "dlq")
    assert not poisoned.w.kafka.exists(poisoned.letters)
    kably = daemons.run(poisoned.config)
    poisoned.wait_good(kably)
    kably.stop()

    (letter,) = poisoned.w.kafka.read(poisoned.letters, 1)
    assert poisoned.w.kafka.ends(poisoned.letters, 1) == {0: 1}, "one dead letter, not more"
    assert letter.key == poisoned.kind.key
    assert letter.value == poisoned.kind.value
    assert letter.timestamp[1] == TIMESTAMP
    assert letter.headers[: len(HEADERS)] == HEADERS, "the original headers stand first, as they were"
    check_contract(letter.headers[len(HEADERS) :], poisoned)


def check_contract(headers, poisoned):
    """Kafka Connect's error headers (KIP-298), each once."""
    context = dict(headers)
    assert len(context) == len(headers)
    prefix = "__connect.errors."
    names = "topic partition offset connector.name task.id stage class.name exception.class.name"
    names += " exception.message exception.stacktrace"
    missing = [name for name in names.split() if prefix + name not in context]
    assert not missing, f"header missing: {missing}"
    text = {
        name.removeprefix(prefix): value.decode() if value is not None else None
        for name, value in context.items()
    }
    assert text["topic"] == poisoned.w.topic
    assert (text["partition"], text["offset"]) == tuple(map(str, poisoned.place))
    assert text["connector.name"] == poisoned.w.group
    assert text["task.id"].isdigit()
    assert text["stage"] in {
        "TASK_PUT",
        "TRANSFORMATION",
        "KEY_CONVERTER",
        "VALUE_CONVERTER",
        "HEADER_CONVERTER",
    }
    assert text["class.name"]
    assert poisoned.kind.failure in text["exception.class.name"].lower()
    assert len(text["exception.message"]) > 10
    assert text["exception.stacktrace"] is not None


@pytest.mark.parametrize("kind", KINDS)
def test_stop_ends_at_the_record_and_a_restart_stops_there_again(real_world, daemons, rng, kind):
    poisoned = Poisoned(real_world, rng, kind, "stop")
    partition, offset = poisoned.place
    before = {place for place in poisoned.good if place[0] == partition and place[1] < offset}
    behind = {place for place in poisoned.good if place[0] == partition and place[1] > offset}
    assert before and behind, "the poison must stand between others"
    for attempt in range(2):
        kably = daemons.run(poisoned.config, f"stop{attempt}")
        code = kably.ended(60)
        assert code == 1, kably.tail()
        assert poisoned.name in kably.log(), "the log names the record"
        committed = poisoned.w.kafka.committed(poisoned.w.group, poisoned.w.topic, PARTITIONS)
        assert committed[partition] == offset, "committed exactly up to the record"
        arrived = Arrived(poisoned.w.ably, poisoned.w.topic)
        assert before <= arrived.places(), "what stands before it was published"
        assert not behind & arrived.places(), "nothing behind it was published"
        delivered_elsewhere = {p: o for p, o in arrived.places() if p != partition}
        for other, highest in delivered_elsewhere.items():
            assert committed[other] > 0, f"partition {other} published up to {highest}, yet nothing committed"
        assert arrived.repeats() == 0, "what drained was committed, so the restart repeats nothing"


def test_each_class_has_its_own_policy(real_world, daemons, rng):
    poisoned = Poisoned(real_world, rng, "unmappable", {"mapping": "skip", "default": "stop"})
    kably = daemons.run(poisoned.config)
    poisoned.wait_good(kably)
    kably.stop()


def test_a_record_refused_by_ably_meets_its_policy_alone(real_world, daemons, rng):
    w = real_world(partitions=1)
    w.ably.faults({"channel": "refused:no", "status": 401, "code": 40160, "message": "denied"})
    records = [{"key": "no" if n == 5 else "yes", "value": f"v{n}"} for n in range(20)]
    places = w.kafka.produce(w.topic, records)
    config = w.config().topic(w.topic, channel="refused:#{key}", on_error={"publish": "skip"})
    kably = daemons.run(config)
    until(lambda: w.ably.unique() >= 19, 60, lambda: f"the others; {kably.tail()}")
    w.wait_committed_ends()
    arrived = Arrived(w.ably, w.topic)
    arrived.check_complete([place for n, place in enumerate(places) if n != 5])
    assert "40160" in kably.log()


def test_a_dead_letter_topic_that_refuses_is_an_outage_of_that_partition(real_world, daemons, rng):
    """It waits, loudly; the other partitions go on; it recovers by itself."""
    poisoned = Poisoned(real_world, rng, "too-large", "dlq")
    w, (partition, offset) = poisoned.w, poisoned.place
    w.kafka.create(poisoned.letters, 1, max_message_bytes=1000)
    kably = daemons.run(poisoned.config)
    others = [place for place in poisoned.good if place[0] != partition]
    until(
        lambda: set(others) <= Arrived(w.ably, w.topic).places(), 60, lambda: f"the others; {kably.tail()}"
    )
    ends = {p: end for p, end in w.ends().items() if p != partition}
    until(
        lambda: {p: o for p, o in w.kafka.committed(w.group, w.topic, PARTITIONS).items() if p in ends} == ends,
        30,
        "the other partitions committed",
    )
    kably.wait_log(poisoned.letters)
    assert w.kafka.committed(w.group, w.topic, PARTITIONS)[partition] <= offset, "committed past the record"
    assert kably.running()

    w.kafka.set(poisoned.letters, max_message_bytes=1_000_000)
    poisoned.wait_good(kably)
    (letter,) = w.kafka.read(poisoned.letters, 1)
    assert letter.value == poisoned.kind.value
    kably.stop()


def test_a_bad_channel_name_is_the_records_own_fault(real_world, daemons):
    w = real_world(partitions=1)
    names = ["good", ":no", "[no", "a\nb", "fine"]
    w.kafka.produce(w.topic, [{"value": name} for name in names])
    config = w.config().topic(w.topic, value="string", channel="#{value}", on_error={"message": "skip"})
    kably = daemons.run(config)
    until(lambda: w.ably.unique() >= 2, 60, lambda: f"the two good ones; {kably.tail()}")
    w.wait_committed_ends()
    assert w.ably.unique() == 2
    assert w.ably.history("good") and w.ably.history("fine")
