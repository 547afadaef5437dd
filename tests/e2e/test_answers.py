"""One test for each class of answer Ably can give (src/ably/classify.h): what was received and what was committed,
with the real binary. An outage is waited out, a refusal meets its record alone, whatever shape the answer has."""

import json

import pytest

import workload
from judge import Arrived
from waiting import throughout, until

HTML = "<html><body>welcome to the hotel's network</body></html>"

OUTAGES = {
    "token": {"status": 401, "code": 40142},
    "credentials": {"status": 401, "code": 40101},
    "account": {"status": 403, "code": 40300},
    "not-found": {"status": 404, "code": 40400},
    "rate-account": {"status": 429, "code": 42910},
    "rate-edge-headers-only": {"status": 429, "code": 42922},
    "retry-after": {"status": 429, "code": 42917, "headers": {"Retry-After": "1"}},
    "transient-500": {"status": 500, "code": 50000},
    "transient-504": {"status": 504, "code": 50410},
    "resource-disposed": {"status": 400, "code": 40014},
    "html-200": {"status": 200, "body": HTML, "type": "text/html"},
    "html-400": {"status": 400, "body": HTML, "type": "text/html; charset=iso-8859-1"},
    "html-503": {"status": 503, "body": HTML, "type": "text/html"},
    "html-said-to-be-json": {"status": 201, "body": HTML, "type": "application/json"},
    "json-of-another-service": {"status": 400, "body": '{"error":"no route"}', "type": "application/json"},
    "empty-200": {"status": 200, "body": "", "type": "application/json"},
    "empty-array": {"status": 201, "body": "[]", "type": "application/json"},
    "cut-off": {"status": 201, "body": '[{"successCount":1,"failureCount":0,"res', "type": "application/json"},
    "redirect": {"status": 302, "headers": {"Location": "/elsewhere"}},
    "partial-without-its-list": {"status": 400, "code": 40020},
    "answer-lost": {"cut": "after"},
    "answer-cut": {"cut": "middle"},
    "refused-connection": {"cut": "before"},
}


QUICK = {"token", "rate-edge-headers-only", "html-200", "cut-off", "partial-without-its-list", "answer-cut"}


@pytest.mark.parametrize(
    "kind", [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.long) for kind in OUTAGES]
)
def test_an_outage_is_waited_out(mock_world, daemons, rng, kind):
    w = mock_world(partitions=2)
    w.ably.faults({"path": "/messages", **OUTAGES[kind]})
    places = w.kafka.produce(w.topic, workload.records(120, 2, rng))
    kably = daemons.run(w.config().topic(w.topic, value="json", channel="out:#{key}", on_error="skip"))
    kably.wait_log("nothing is lost, next try in")
    until(lambda: w.ably.faulted() >= 3, 30, lambda: f"three tries; {kably.tail()}")

    def nothing_committed():
        return all(offset <= 0 for offset in w.kafka.committed(w.group, w.topic, 2).values())

    throughout(nothing_committed, 0.5, "nothing committed in the outage")
    w.ably.faults()
    until(lambda: w.ably.unique() >= len(places), 60, lambda: f"all; {kably.tail()}")
    w.wait_committed_ends()
    kably.stop()
    arrived = Arrived(w.ably, w.topic)
    arrived.check_complete(places)
    arrived.check_order()
    assert kably.logged("120 published, 0 skipped"), kably.tail()


REFUSALS = {
    "denied": ({"status": 401, "code": 40160}, "publish"),
    "too-large": ({"status": 413, "code": 40009}, "message"),
    "bad-channel": ({"status": 400, "code": 40010}, "message"),
    "bad-extras": ({"status": 400, "code": 40032}, "publish"),
    "rejected-by-rule": ({"status": 422, "code": 42211}, "publish"),
    "unknown-code": ({"status": 400, "code": 49999}, "publish"),
    "whole-bad-data": ({"status": 400, "code": 40013, "whole": True}, "publish"),
    "whole-bad-request": ({"status": 400, "code": 40000, "whole": True}, "publish"),
    "whole-too-large": ({"status": 413, "code": 40009, "whole": True}, "message"),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_meets_its_record_alone(mock_world, daemons, rng, kind):
    w = mock_world(partitions=2)
    letters = w.topic + "-dlq"
    fault, failure = REFUSALS[kind]
    w.ably.faults({"channel": "ref:user7", **fault})
    records = [r for r in workload.records(300, 2, rng) if r["key"] != "user7"]
    bad = {"partition": 1, "key": "user7", "value": json.dumps({"bad": True})}
    records[150:150] = [bad]
    records[200:200] = [bad]
    places = w.kafka.produce(w.topic, records)
    refused = [place for place, record in zip(places, records) if record is bad]
    config = w.config().topic(w.topic, value="json", channel="ref:#{key}", on_error="dlq")
    kably = daemons.run(config.block("dead_letter", topic=letters))
    until(lambda: w.ably.unique() >= len(places) - 2, 60, lambda: f"the others; {kably.tail()}")
    w.wait_committed_ends()
    kably.stop()
    arrived = Arrived(w.ably, w.topic)
    arrived.check_complete([place for place in places if place not in refused])
    arrived.check_order()
    found = w.kafka.read(letters, 2, w.kafka.partitions(letters))
    assert [letter.value for letter in found] == [bad["value"].encode()] * 2
    assert kably.logged(rf"{failure}: ably: {fault['code']} \(HTTP {fault['status']}\)"), kably.tail()


def test_a_run_of_refusals_waits_until_something_is_accepted(mock_world, daemons):
    """Forty records in a row that each have their whole request refused look like a fault of ours or of the key's.
    One good record, and they were the records' own."""
    w = mock_world(partitions=1)
    letters = w.topic + "-dlq"
    w.ably.faults({"channel": "bad:one", "status": 400, "code": 40013, "whole": True})
    bad = [{"partition": 0, "key": "one", "value": f"bad {n}"} for n in range(40)]
    w.kafka.produce(w.topic, bad)
    config = w.config().topic(w.topic, channel="bad:#{key}", on_error="dlq")
    kably = daemons.run(config.block("dead_letter", topic=letters))
    kably.wait_log("Ably refused 32 messages in a row and accepted none")
    assert w.kafka.committed(w.group, w.topic, 1)[0] <= 32
    (place,) = w.kafka.produce(w.topic, [{"partition": 0, "key": "two", "value": "good"}])
    w.wait_committed_ends(60)
    kably.stop()
    Arrived(w.ably, w.topic).check_complete([place])
    found = w.kafka.read(letters, 40, w.kafka.partitions(letters))
    assert sorted(letter.value for letter in found) == sorted(record["value"].encode() for record in bad)
