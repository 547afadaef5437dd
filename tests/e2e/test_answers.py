"""One test for each class of answer Ably can give (src/ably/classify.h): what was received and what was committed,
with the real binary. An outage is waited out, a refusal meets its record alone, whatever shape the answer has."""

import json
import os
import re

import pytest

import conftest
import workload
from hosts import Hosts
from judge import Arrived, check_all_arrived
from waiting import throughout, until

JSON = "application/json"
HTML = "<html><body>welcome to the hotel's network</body></html>"

# By kind: the class in the table, whose words have to stand in the log, and the fault.
OUTAGES = {
    "token": ("token", {"status": 401, "code": 40142}),
    "credentials": ("credentials", {"status": 401, "code": 40101}),
    "invalid-credentials": ("credentials", {"status": 400, "code": 40005}),
    "account": ("credentials", {"status": 403, "code": 40300}),
    "not-found": ("credentials", {"status": 404, "code": 40400}),
    "capability-of-the-key": ("credentials", {"status": 401, "code": 40160}),
    "rate-account": ("rate", {"status": 429, "code": 42910}),
    "rate-edge-headers-only": ("rate", {"status": 429, "code": 42922}),
    "rate-channels-created": ("rate", {"status": 429, "code": 90021}),
    "retry-after": ("rate", {"status": 429, "code": 42917, "headers": {"Retry-After": "1"}}),
    "proxy-password": ("proxy", {"status": 407, "body": HTML, "type": "text/html"}),
    "transient-500": ("transient", {"status": 500, "code": 50000}),
    "transient-504": ("transient", {"status": 504, "code": 50410}),
    "resource-disposed": ("transient", {"status": 400, "code": 40014}),
    "html-503": ("transient", {"status": 503, "body": HTML, "type": "text/html"}),
    "answer-lost": ("transient", {"cut": "after"}),
    "answer-cut": ("transient", {"cut": "middle"}),
    "refused-connection": ("transient", {"cut": "before"}),
    "html-200": ("foreign", {"status": 200, "body": HTML, "type": "text/html"}),
    "html-400": ("foreign", {"status": 400, "body": HTML, "type": "text/html; charset=iso-8859-1"}),
    "html-said-to-be-json": ("foreign", {"status": 201, "body": HTML, "type": "application/json"}),
    "json-said-to-be-msgpack": ("foreign", {"status": 201, "body": "[]", "type": "application/x-msgpack"}),
    "json-of-another-service": ("foreign", {"status": 400, "body": '{"error":"no route"}', "type": JSON}),
    "empty-200": ("foreign", {"status": 200, "body": "", "type": JSON}),
    "empty-array": ("foreign", {"status": 201, "body": "[]", "type": JSON}),
    "cut-off": ("foreign", {"status": 201, "body": '[{"successCount":1,"failureCount":0,"res', "type": JSON}),
    "redirect": ("foreign", {"status": 302, "headers": {"Location": "/elsewhere"}}),
    "partial-without-its-list": ("foreign", {"status": 400, "code": 40020}),
}


QUICK = {"token", "rate-edge-headers-only", "html-200", "cut-off", "partial-without-its-list", "answer-cut"}


def table():
    """{class: its words in the log}, from the one table."""
    with open(os.path.join(conftest.ROOT, "src", "ably", "classify.h"), encoding="ascii") as header:
        rows = re.search(r"define KB_ABLY_CLASSES\(X\)(.*?)\n\n", header.read(), re.DOTALL)[1]
    return dict(re.findall(r'X\(\w+, "([a-z-]+)", "([^"]+)"\)', rows))


def test_every_class_of_the_table_has_its_tests():
    held_back = {"rate-channel"}  # that channel alone, neither an outage nor a refusal: test_isolation.py
    tested = {row[0] for row in OUTAGES.values()} | {row[0] for row in REFUSALS.values()} | held_back
    assert tested == set(table()) - {"ok"}


@pytest.mark.parametrize(
    "kind", [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.long) for kind in OUTAGES]
)
def test_an_outage_is_waited_out(mock_world, daemons, rng, kind):
    w = mock_world(partitions=2)
    said, fault = OUTAGES[kind]
    w.ably.faults({"path": "/messages", **fault})
    w.places = w.kafka.produce(w.topic, workload.records(120, 2, rng))
    kably = daemons.run(w.config().topic(w.topic, value="json", channel="out:#{key}", on_error="skip"))
    words = "no answer from" if "cut" in fault else re.escape(table()[said])
    kably.wait_log(rf"{words}.*nothing is lost, next try in")
    until(lambda: w.ably.faulted() >= 3, 30, lambda: f"three tries; {kably.tail()}")
    throughout(lambda: nothing_committed(w), 0.5, "nothing committed in the outage")
    w.ably.faults()
    check_all_published(w, kably)


def nothing_committed(w):
    return all(offset <= 0 for offset in w.kafka.committed(w.group, w.topic, w.partitions).values())


def check_all_published(w, kably):
    arrived = check_all_arrived(w, kably)
    assert kably.logged(f"{len(w.places)} published, 0 skipped"), kably.tail()
    return arrived


def with_list(change):
    """What makes another answer of a good one: its list of results is changed, all else stays."""

    def answer(status, headers, body):
        return status, headers, json.dumps(change(json.loads(body))).encode() if status == 201 else body

    return answer


# Ably has published, and what it says of it has another shape on the way.
SHAPES = {
    "one-too-few": with_list(lambda results: results[:-1]),
    "one-too-many": with_list(lambda results: results + results[-1:]),
    "an-object-for-many": with_list(lambda results: results[0] if len(results) > 1 else {}),
    "of-other-channels": with_list(lambda results: [{**one, "results": []} for one in results]),
    "half": lambda status, headers, body: (status, headers, body[: len(body) // 2]),
    "no-text": lambda status, headers, body: (status, headers, b"\xff" + body),
    "said-to-be-html": lambda status, headers, body: (status, [("Content-Type", "text/html")], body),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_was_published_and_not_well_said_is_sent_again(mock_world, daemons, closing, rng, shape):
    """Nothing is taken for published by an answer that can't be read, and nothing for lost: Ably drops the repeats."""
    w = mock_world(partitions=2)
    w.ably = closing(Hosts(w.behind, ["127.0.0.2"]))
    (host,) = w.ably.all
    change = SHAPES[shape]
    host.answer = lambda request: change(*host.pass_on(request))
    w.places = w.kafka.produce(w.topic, workload.records(120, 2, rng))
    kably = daemons.run(w.config().topic(w.topic, value="json", channel="shape:#{key}", on_error="skip"))
    kably.wait_log(rf"{re.escape(table()['foreign'])}.*nothing is lost, next try in")
    until(lambda: w.behind.stats()["duplicates"] > 0, 30, lambda: f"a repeat; {kably.tail()}")
    throughout(lambda: nothing_committed(w), 0.5, "nothing committed by such an answer")
    host.answer = host.pass_on
    w.ably = w.behind
    assert check_all_published(w, kably).repeats() > 0


def test_an_error_in_another_charset_is_read_as_far_as_it_goes(mock_world, daemons, closing, rng):
    w = mock_world(partitions=2)
    w.ably = closing(Hosts(w.behind, ["127.0.0.2"]))
    (host,) = w.ably.all
    text = json.dumps({"error": {"code": 50003, "statusCode": 503, "message": "d\xe9sol\xe9"}}, ensure_ascii=False)
    kind = [("Content-Type", "application/json; charset=iso-8859-1")]
    host.answer = lambda request: (503, kind, text.encode("latin-1"))
    w.places = w.kafka.produce(w.topic, workload.records(20, 2, rng))
    kably = daemons.run(w.config().topic(w.topic, value="json", channel="shape:#{key}", on_error="skip"))
    kably.wait_log("HTTP 503.*nothing is lost")
    with open(kably.log_path, "rb") as log:
        log.read().decode("utf-8")  # the log stays what it is
    host.answer = host.pass_on
    w.ably = w.behind
    check_all_published(w, kably)


def test_one_object_for_one_spec_is_an_answer(mock_world, daemons, closing, rng):
    """RSC22b: a list is the rule, and a result alone is understood."""
    w = mock_world(partitions=1)
    w.ably = closing(Hosts(w.behind, ["127.0.0.2"]))
    (host,) = w.ably.all
    alone = with_list(lambda results: results[0])
    host.answer = lambda request: alone(*host.pass_on(request))
    w.places = w.kafka.produce(w.topic, workload.records(30, 1, rng))
    config = w.config().topic(w.topic, value="json", channel="shape:#{key}").block("publish", max_records=1)
    kably = daemons.run(config)
    w.ably = w.behind
    assert check_all_published(w, kably).repeats() == 0
    assert not kably.logged("WARN"), kably.tail()


REFUSALS = {
    "denied": ("denied", {"status": 401, "code": 40160}, "publish"),
    "too-large": ("permanent", {"status": 413, "code": 40009}, "message"),
    "bad-channel": ("permanent", {"status": 400, "code": 40010}, "message"),
    "bad-extras": ("permanent", {"status": 400, "code": 40032}, "publish"),
    "rejected-by-rule": ("permanent", {"status": 422, "code": 42211}, "publish"),
    "unknown-code": ("request-bug", {"status": 400, "code": 49999}, "publish"),
    "whole-bad-data": ("permanent", {"status": 400, "code": 40013, "whole": True}, "publish"),
    "whole-bad-request": ("request-bug", {"status": 400, "code": 40000, "whole": True}, "publish"),
    "whole-too-large": ("permanent", {"status": 413, "code": 40009, "whole": True}, "message"),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_meets_its_record_alone(mock_world, daemons, rng, kind):
    w = mock_world(partitions=2)
    letters = w.topic + "-dlq"
    _, fault, failure = REFUSALS[kind]
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


@pytest.mark.parametrize("fault", [{"status": 429, "code": 42913}, {"status": 500, "code": 50003}])
def test_a_channel_that_waits_is_told(mock_world, daemons, fault):
    w = mock_world(partitions=1)
    w.ably.faults({"path": "/messages", "channel": "held", **fault})
    w.places = w.kafka.produce(w.topic, [{"partition": 0, "key": key, "value": "{}"} for key in ("held", "well") * 9])
    kably = daemons.run(w.config().topic(w.topic, value="json", channel="#{key}"))
    kably.wait_log(rf"WARN ably: a channel waits, the others go on: HTTP {fault['status']}, Ably code {fault['code']}")
    until(lambda: w.ably.unique() == 9, 30, lambda: f"the other channel; {kably.tail()}")
    w.ably.faults()
    check_all_published(w, kably)


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
