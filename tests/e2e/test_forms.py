"""Every form of a message in both protocols, judged by the real `ably` SDK: what it decodes is what the record held."""

import json

import pytest

import sdk

PROTOCOLS = ["json", "msgpack"]
DATA = [
    (b"text \xc3\xa9\n\"q\"", {"value": 'text é\n"q"'}),
    (b"", {"value": ""}),
    (b'{"id":7,"n":null,"list":[1,2.5,true,"x"]}', {"value": {"id": 7, "n": None, "list": [1, 2.5, True, "x"]}}),
    (b"[1]", {"value": [1]}),
    (bytes(range(256)), {"bytes": bytes(range(256)).hex()}),
    (b"\xff", {"bytes": "ff"}),
    (None, {}),
    (b"y" * 40000, {"value": "y" * 40000}),
    (b"\x80" * 40000, {"bytes": "80" * 40000}),
]


@pytest.fixture
def published(mock_world, daemons):
    """published(records, publish options, **topic options) -> the world, all records committed."""

    def run(records, publish=None, **options):
        w = mock_world(partitions=1)
        w.kafka.produce(w.topic, records)
        config = w.config().topic(w.topic, **{"channel": "forms", **options})
        if publish:
            config.block("publish", **publish)
        kably = daemons.run(config)
        w.wait_committed_ends(60)
        kably.stop()
        return w

    return run


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_data_arrives_as_it_was(published, protocol, binary):
    records = [{"value": value, "key": f"k{n}"} for n, (value, _) in enumerate(DATA)]
    w = published(records, {"protocol": protocol})
    messages = sdk.read(w.ably, {"forms": None}, binary)["forms"]
    assert len(messages) == len(DATA)
    for n, (message, (_, expected)) in enumerate(zip(messages, DATA, strict=True)):
        assert {k: message[k] for k in ("value", "bytes") if k in message} == expected
        assert not message.get("encoding"), "the SDK undid every step"
        assert message["extras"]["kafka"]["key"] == f"k{n}"


PUSH = {"notification": {"title": "t", "body": "b", "badge": 1}, "data": {"n": None}}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_names_headers_and_push_arrive(published, protocol):
    headers = [
        ("text", "é".encode()),
        ("null", None),
        ("binary", b"\xff\x00"),
        ("com.ably.extras.push", json.dumps(PUSH).encode()),
    ]
    record = {"key": b"\xfe", "value": b"5", "headers": headers}
    options = {"value": "json", "name": "n:#{topic}", "client_id": "c-#{partition}"}
    w = published([record], {"protocol": protocol}, **options)
    (message,) = w.ably.history("forms")
    assert message["name"] == "n:" + w.topic
    assert message["clientId"] == "c-0"
    assert (message["data"], message["encoding"]) == ("5", "json")
    assert message["extras"] == {
        "kafka": {"key": "/g==", "base64_headers": ["binary"]},
        "headers": {"text": "é", "null": None, "binary": "/wA="},
        "push": PUSH,
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_refusals_and_outages_are_read_in_either_protocol(mock_world, daemons, protocol):
    w = mock_world(partitions=1)
    w.ably.faults(
        {"channel": "forms:bad", "status": 401, "code": 40160},
        {"path": "/messages", "status": 503, "code": 50003, "times": 2},
    )
    w.kafka.produce(w.topic, [{"key": key, "value": "v"} for key in ("good", "bad", "good")])
    config = w.config().topic(w.topic, channel="forms:#{key}", on_error="skip").block("publish", protocol=protocol)
    kably = daemons.run(config)
    w.wait_committed_ends(60)
    kably.stop()
    assert len(w.ably.history("forms:good")) == 2
    assert not w.ably.history("forms:bad")
    assert kably.logged(r"HTTP 503, Ably code 50003"), kably.tail()
    assert kably.logged(r"publish: ably: 40160 \(HTTP 401\)"), kably.tail()
