"""Every form of a message, all of the product: text, binary and JSON data, in both protocols, encrypted or not, with
and without a client id, a name, an id of the user's own, a push, further extras, to one channel or two. Three judges: the real `ably` SDK decodes each to exactly what its record held, and the very requests that carried them are
as Ably's public description and its specification have it (contract.py)."""

import itertools
import json

import pytest

import contract
import sdk
from hosts import Hosts
from kafka_peer import Kafka
from local_ably import parse_id
from lua import Config, Raw
from waiting import until

# What the record holds, and what the subscriber gets.
DATA = [
    (b"foo", {"value": "foo"}),
    (b"", {"value": ""}),
    ('text é\n"q" \\'.encode(), {"value": 'text é\n"q" \\'}),
    (b'{"foo":42,"n":null,"list":[1,2.5,true,"x"]}', {"value": {"foo": 42, "n": None, "list": [1, 2.5, True, "x"]}}),
    (b'[{"foo":42},"qux"]', {"value": [{"foo": 42}, "qux"]}),
    (b"\xde\xad\xbe\xef", {"bytes": "deadbeef"}),
    (bytes(range(256)), {"bytes": bytes(range(256)).hex()}),
    (None, {}),
]
KEYS = {None: None, 128: "WUP6u0K7MXI5Zeo0VppPwg==", 256: "o9qXZoPGDNla50VnRwH7cGqIrpyagTxGsRgimKJbY40="}

# What a topic may have besides: its options, and what the message then has.
SIDES = {
    "named": ({"name": "n:#{key}"}, lambda n: {"name": f"n:k{n}"}),
    "identified": ({"client_id": "c-#{key}"}, lambda n: {"clientId": f"c-k{n}"}),
    "own id": ({"id": "own-#{topic}-#{offset}"}, lambda n: {}),
    "push": (
        {
            "push": {
                "notification": {"title": "T #{key}", "body": "b", "sound": "#{header.none | default('ping')}"},
                "data": {"order": "#{key}"},
            }
        },
        lambda n: {
            "push": {"notification": {"title": f"T k{n}", "body": "b", "sound": "ping"}, "data": {"order": f"k{n}"}}
        },
    ),
    "extras": (
        {
            "extras": {
                "key": "headers.id",
                "ref": {"type": "com.example", "timeserial": "#{key}@#{offset}"},
                "ephemeral": True,
            }
        },
        lambda n: {"ref": {"type": "com.example", "timeserial": f"k{n}@{n}"}, "ephemeral": True},
    ),
}
CHOICES = [set(chosen) for n in range(len(SIDES) + 1) for chosen in itertools.combinations(SIDES, n)]


class Variation:
    """A topic with some of the sides, to one channel or two; what its messages have to be."""

    def __init__(self, number, chosen, channels):
        self.topic, self.chosen = f"forms-{number}", chosen
        self.channels = [f"{self.topic}:{c}" for c in range(channels)]

    def options(self):
        channel = self.channels if len(self.channels) > 1 else self.channels[0]
        options = {"channel": channel}
        for side in self.chosen:
            options.update(SIDES[side][0])
        return options

    def message(self, n):
        """Of record n, without its id."""
        message = dict(DATA[n][1])
        extras = {"headers": {"trace": "8f", "bin": "/wA="}, "kafka": {"base64_headers": ["bin"], "key": f"k{n}"}}
        if "extras" in self.chosen:
            extras["headers"]["id"] = extras["kafka"].pop("key")
        for side in self.chosen & {"push", "extras"}:
            extras.update(SIDES[side][1](n))
        for side in self.chosen & {"named", "identified"}:
            message.update(SIDES[side][1](n))
        return {**message, "extras": extras}

    def check_id(self, text, channel, n):
        if "own id" in self.chosen:
            assert text == f"own-{self.topic}-{n}"
            return
        found = parse_id(text)
        assert (found.topic, found.partition, found.offset) == (self.topic, 0, n)
        assert found.part == self.channels.index(channel)


def check_messages(variations, seen):
    for variation in variations:
        for channel in variation.channels:
            assert len(seen[channel]) == len(DATA), channel
            for n, message in enumerate(seen[channel]):
                assert not message.pop("encoding", None), "the SDK undid every step"
                variation.check_id(message.pop("id"), channel, n)
                assert message == variation.message(n), (channel, n, variation.chosen)


@pytest.mark.parametrize("bits", KEYS)
@pytest.mark.parametrize("protocol", ["json", "msgpack"])
def test_every_form_is_what_its_record_held(sandbox, closing, daemons, name, protocol, bits):
    variations = [Variation(n, chosen, 1 + len(chosen) % 2) for n, chosen in enumerate(CHOICES)]
    world = sandbox(topics={variation.topic: 1 for variation in variations})
    kafka = Kafka(world.bootstrap, real=False)
    front = closing(Hosts(world.ably, ["127.0.0.2"]))
    config = Config(world.bootstrap, name, front)
    config.block("publish", protocol=protocol)
    headers = [("trace", b"8f"), ("bin", b"\xff\x00")]
    for variation in variations:
        cipher = {"cipher": {"key": KEYS[bits]}} if bits else {}
        config.topic(variation.topic, **variation.options(), **cipher)
        kafka.produce(
            variation.topic,
            [{"key": f"k{n}", "value": value, "headers": headers, "partition": 0} for n, (value, _) in enumerate(DATA)],
        )
    kably = daemons.run(config)
    total = len(DATA) * sum(len(variation.channels) for variation in variations)
    until(lambda: world.ably.unique() >= total, 60, lambda: f"{total} messages; {kably.tail()}")
    kably.stop()
    kafka.close()

    channels = {channel: KEYS[bits] for variation in variations for channel in variation.channels}
    for binary in (False, True):
        check_messages(variations, sdk.read(world.ably, channels, binary))

    met = set()
    batches = contract.batches(front.all[0].seen)
    for batch in batches:
        met |= contract.check_batch(batch)
    assert sum(len(spec["messages"]) for batch in batches for spec in batch) == total
    expected = {departure for departure in contract.DEPARTURES if departure[0] == "Message"}
    assert met == expected, "the public description does not contradict Ably's specification there any more"
    encodings = {m.get("encoding", "") for batch in batches for spec in batch for m in spec["messages"] if "data" in m}
    ends = f"cipher+aes-{bits}-cbc/base64" if bits else ""
    assert all(encoding.endswith(ends) for encoding in encodings), encodings


def test_a_token_request_is_as_described(mock_world, closing, daemons):
    w = mock_world(partitions=1)
    w.kafka.produce(w.topic, [{"value": "v", "partition": 0}])
    w.ably = closing(Hosts(w.behind, ["127.0.0.2"]))
    w.ably.settings |= {"use_token_auth": True, "token_type": "ably", "client_id": "me"}
    kably = daemons.run(w.config().topic(w.topic, channel="c"))
    until(lambda: w.behind.unique() >= 1, 30, lambda: f"the record; {kably.tail()}")
    asked = [r for r in w.ably.all[0].seen if r.path.startswith("/keys/")]
    assert [request.path for request in asked] == [f"/keys/{w.behind.key.split(':')[0]}/requestToken"]
    met = contract.check_by_description("SignedTokenRequest", json.loads(asked[0].body))
    assert met == {("SignedTokenRequest", "", "required")}


def test_the_schema_refuses_what_it_should():
    """The judge can say no: each of these is one thing that Ably refuses."""
    good = {"channels": ["c"], "messages": [{"id": "a:0", "data": "x"}]}
    assert contract.check_batch([good]) == set()
    message = good["messages"][0]
    bad = [
        [],
        [{**good, "channels": []}],
        [{**good, "channels": [":c"]}],
        [{**good, "messages": []}],
        [{**good, "extra": 1}],
        *(
            [{**good, "messages": [{**message, **wrong}]}]
            for wrong in (
                {"data": 5},
                {"clientId": "*"},
                {"timestamp": 1},
                {"encoding": "json/base64"},
                {"extras": {"unknown": 1}},
                {"extras": {"headers": {"h": {"nested": 1}}}},
                {"extras": {"push": {"notification": {"title": "t"}}}},
                {"name": None},
            )
        ),
        [{**good, "messages": [message, {"id": "b:1"}]}],
    ]
    for batch in bad:
        with pytest.raises(AssertionError):
            contract.check_batch(batch)
