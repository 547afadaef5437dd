"""Every form of a message in both protocols, judged by the real `ably` SDK: what it decodes is what the record held."""

import json

import pytest

import sdk
from local_ably import parse_id
from lua import Raw

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


# Ably's own known answers for encodings (ably-common, messages-encoding): by format, what the record holds and what goes
# on the wire.
KNOWN = [
    ("string", b"foo", "foo", None),
    ("string", b'{"foo":42}', '{"foo":42}', None),
    ("json", b'{"foo":42}', '{"foo":42}', "json"),
    ("json", b'[{"foo":42},"qux"]', '[{"foo":42},"qux"]', "json"),
    ("bytes", b"\xde\xad\xbe\xef", "3q2+7w==", "base64"),
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value_format", ["string", "json", "bytes"])
def test_the_published_answers_for_encodings(published, protocol, value_format):
    rows = [row[1:] for row in KNOWN if row[0] == value_format]
    w = published([{"value": held} for held, _, _ in rows], {"protocol": protocol}, value=value_format)
    seen = [(message["data"], message.get("encoding")) for message in w.ably.history("forms")]
    assert seen == [(data, encoding) for _, data, encoding in rows]


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


KEYS = {128: "WUP6u0K7MXI5Zeo0VppPwg==", 256: "o9qXZoPGDNla50VnRwH7cGqIrpyagTxGsRgimKJbY40="}


@pytest.mark.parametrize("bits", KEYS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_sdk_decrypts(mock_world, daemons, protocol, bits):
    """The key from a file; without it the SDK sees nothing but the cipher's bytes; nowhere is it written."""
    w = mock_world(partitions=1)
    records = [{"value": value, "key": "k"} for value, _ in DATA]
    w.kafka.produce(w.topic, records)
    config = w.config().block("publish", protocol=protocol)
    config.topic(w.topic, channel="secret", cipher={"key": Raw('env "CIPHER_KEY"')})
    config.env["CIPHER_KEY"] = KEYS[bits]
    config.secrets.add(KEYS[bits])
    kably = daemons.run(config)
    w.wait_committed_ends(60)
    kably.stop()
    messages = sdk.read(w.ably, {"secret": KEYS[bits]}, protocol == "msgpack")["secret"]
    assert len(messages) == len(DATA)
    for message, (_, expected) in zip(messages, DATA, strict=True):
        assert {k: message[k] for k in ("value", "bytes") if k in message} == expected
        assert not message.get("encoding")
        assert message["extras"]["kafka"]["key"] == "k", "extras are not encrypted"
    raw = w.ably.history("secret")
    assert all(m["encoding"].endswith(f"cipher+aes-{bits}-cbc/base64") for m in raw if "data" in m)
    assert not any("text" in m.get("data", "") for m in raw)


def test_a_key_per_channel_and_a_record_without_one(published):
    """The key by template, here from a header; a record that has none is a mapping failure, not clear text."""
    records = [
        {"key": "a", "value": "for a", "headers": [("cipher-key", KEYS[128].encode())]},
        {"key": "b", "value": "for b", "headers": [("cipher-key", KEYS[256].encode())]},
        {"key": "c", "value": "for nobody"},
        {"key": "d", "value": "for nobody", "headers": [("cipher-key", b"short")]},
    ]
    w = published(
        records,
        channel="by:#{key}",
        cipher={"key": "#{header.cipher-key}"},
        on_error={"mapping": "skip", "default": "stop"},
    )
    seen = sdk.read(w.ably, {"by:a": KEYS[128], "by:b": KEYS[256], "by:c": None, "by:d": None})
    assert [seen["by:a"][0]["value"], seen["by:b"][0]["value"]] == ["for a", "for b"]
    assert seen["by:c"] == seen["by:d"] == []


def test_a_key_by_a_function(published):
    """A function that gives no key is the record's failure, not clear text."""
    keys = f'function(record) return ({{ a = "{KEYS[128]}", b = "{KEYS[256]}" }})[record.key] end'
    w = published(
        [{"key": key, "value": f"for {key}"} for key in ("a", "b", "c")],
        channel="by:#{key}",
        cipher={"key": Raw(keys)},
        on_error={"mapping": "skip"},
    )
    seen = sdk.read(w.ably, {"by:a": KEYS[128], "by:b": KEYS[256], "by:c": None})
    assert [seen["by:a"][0]["value"], seen["by:b"][0]["value"]] == ["for a", "for b"]
    assert seen["by:c"] == []


def test_the_size_counts_encrypted(published):
    """65,521 bytes of text fit into 64 KiB, and 32 more of IV and padding do not."""
    values = ["x" * 65488, "x" * 65530]
    w = published([{"value": v} for v in values], cipher={"key": KEYS[128]}, on_error="skip")
    assert len(w.ably.history("forms")) == 1


def test_several_channels_for_one_record(published):
    records = [{"key": f"k{n % 3}", "value": str(n), "partition": 0} for n in range(30)]
    w = published(records, channel=["all", "one:#{key}"])
    assert [m["data"] for m in w.ably.history("all")] == [str(n) for n in range(30)]
    for k in range(3):
        messages = w.ably.history(f"one:k{k}")
        assert [m["data"] for m in messages] == [str(n) for n in range(k, 30, 3)]


def test_a_channel_that_two_of_the_list_name_has_it_once(published):
    """The others keep the ids that they have for every record."""
    records = [{"key": key, "value": "v"} for key in ("b", "a", "c")]
    w = published(records, channel=["a", "#{key}", "last"])
    ids = {name: [parse_id(m["id"])[2:4] for m in w.ably.history(name)] for name in ("a", "b", "c", "last")}
    assert ids == {"a": [(0, 0), (1, 0), (2, 0)], "b": [(0, 1)], "c": [(2, 1)], "last": [(0, 2), (1, 2), (2, 2)]}


def test_an_id_of_the_users_own(published):
    """Ably drops what has the same id; the record is done all the same."""
    records = [{"key": key, "value": "v"} for key in ("a", "b", "a")]
    w = published(records, id="order-#{key}")
    assert [m["id"] for m in w.ably.history("forms")] == ["order-a", "order-b"]
    assert w.ably.stats()["duplicates"] == 1


SPLIT = Raw(
    """function(record)
      local messages = {}
      for n, item in ipairs(record.value) do messages[n] = { data = item, channel = item.channel } end
      return messages
    end"""
)


def test_one_id_for_two_messages_of_a_record_is_its_failure(published):
    """Ably would drop the second, and say that it has taken it."""
    records = [{"value": json.dumps([{"n": 1}, {"n": 2}])}, {"value": json.dumps([{"n": 3}, {"n": 4, "channel": "b"}])}]
    options = {"id": "order-#{offset}", "transform": SPLIT, "on_error": "skip"}
    w = published(records, **options)
    assert [json.loads(m["data"])["n"] for m in w.ably.history("forms")] == [3]
    assert [json.loads(m["data"])["n"] for m in w.ably.history("b")] == [4]
    assert w.ably.stats()["duplicates"] == 0


def test_messages_of_a_record_with_ids_of_their_own_all_arrive(published):
    own = Raw('function(record, n) return "order-" .. record.offset .. "-" .. n end')
    w = published([{"value": json.dumps([{"n": 1}, {"n": 2}])}], id=own, transform=SPLIT)
    assert [m["id"] for m in w.ably.history("forms")] == ["order-0-1", "order-0-2"]


def test_an_id_by_a_function(published):
    own = Raw('function(record) return record.topic .. "/" .. record.value.n end')
    w = published([{"value": json.dumps({"n": n})} for n in (1, 2, 1)], id=own)
    assert [m["id"] for m in w.ably.history("forms")] == [f"{w.topic}/1", f"{w.topic}/2"]


def test_push_from_templates(published):
    """Texts by template, JSON's own numbers and null as the file has them; headers are what they were."""
    push = {
        "notification": {"title": 'Order "#{key}"', "body": "#{value.text}"},
        "data": {"id": "#{value.id}", "n": 1, "list": [1, 2.5, Raw("kably.null"), True]},
    }
    record = {"key": "k1", "value": '{"id":9007199254740993,"text":"\\u00e9 \\"hi\\""}'}
    w = published([record], push=push)
    (message,) = w.ably.history("forms")
    assert message["extras"]["push"] == {
        "notification": {"title": 'Order "k1"', "body": 'é "hi"'},
        "data": {"id": "9007199254740993", "n": 1, "list": [1, 2.5, None, True]},
    }
    assert type(message["extras"]["push"]["data"]["n"]) is int


def test_a_push_whose_field_is_missing_is_the_records_failure(published):
    push = {"notification": {"title": "t", "body": "#{value.text}"}}
    records = [{"value": '{"text":"x"}'}, {"value": "{}"}]
    w = published(records, push=push, on_error="skip")
    assert len(w.ably.history("forms")) == 1


def test_the_push_header_passes_as_it_was_written(published):
    """The Connect sink makes 1.0 of 1 and drops null: here each number stays as its bytes were."""
    text = '{"notification":{"title":"t","body":"b","badge":1},"data":{"n":1,"r":1.50,"z":null}}'
    w = published([{"value": "v", "headers": [("com.ably.extras.push", text.encode())]}])
    (message,) = w.ably.history("forms")
    push = message["extras"]["push"]
    assert push == json.loads(text)
    assert [type(push["notification"]["badge"]), type(push["data"]["n"])] == [int, int]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_extras_as_the_file_says(published, protocol):
    record = {"key": "k1", "value": "v", "headers": [("trace", b"8f"), ("id", b"replaced")]}
    extras = {"key": "headers.id", "ref": {"type": "com.x", "timeserial": "#{key}@1"}, "ephemeral": True}
    w = published([record], {"protocol": protocol}, extras=extras)
    (message,) = w.ably.history("forms")
    assert message["extras"] == {
        "headers": {"trace": "8f", "id": "k1"},
        "ref": {"type": "com.x", "timeserial": "k1@1"},
        "ephemeral": True,
    }


TYPED = '{"id":9007199254740993,"r":1.50,"on":true,"off":null,"s":"5","list":[1,"a"],"deep":{"x":-0.5,"y":[]}}'


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_fields_of_the_record_keep_their_type_in_extras(published, protocol):
    """By the filter json: every digit of a number, true, null, arrays and objects; without it they are texts. The SDK's
    own numbers are doubles, so the wire is what is looked at."""
    record = {"key": '{"k":7}', "value": TYPED, "headers": [("trace", b"8f")]}
    names = ("id", "r", "on", "off", "s")
    extras = {
        "headers": {
            **{name: f"#{{value.{name} | json}}" for name in names},
            "text": "#{value.id}",
            "key": "#{key.k | json}",
            "offset": "#{offset | json}",
            "trace": "#{header.trace | json}",
            "absent": '#{value.absent | json | default("-1")}',
            "fixed": 3,
        },
        "privileged": False,
    }
    push = {
        "notification": {"title": "t", "body": "#{value.deep | json}!"},
        "data": {name: f"#{{value.{name} | json}}" for name in ("list", "deep", "id")},
    }
    w = published([record], {"protocol": protocol}, key="json", extras=extras, push=push)
    digits = {"parse_int": lambda text: ("int", text), "parse_float": lambda text: ("real", text)}
    (message,) = json.loads(w.ably.history_text("forms"), **digits)
    assert message["extras"] == {
        "kafka": {"key": '{"k":7}'},
        "headers": {
            "id": ("int", "9007199254740993"),
            "r": ("real", "1.50") if protocol == "json" else ("real", "1.5"),
            "on": True,
            "off": None,
            "s": "5",
            "text": "9007199254740993",
            "key": ("int", "7"),
            "offset": ("int", "0"),
            "trace": "8f",
            "absent": ("int", "-1"),
            "fixed": ("int", "3"),
        },
        "privileged": False,
        "push": {
            "notification": {"title": "t", "body": '{"x":-0.5,"y":[]}!'},
            "data": {
                "list": [("int", "1"), "a"],
                "deep": {"x": ("real", "-0.5"), "y": []},
                "id": ("int", "9007199254740993"),
            },
        },
    }


def test_a_typed_field_that_is_missing_is_the_records_failure(published):
    records = [{"value": '{"n":1}'}, {"value": "{}"}]
    w = published(records, extras={"headers": {"n": "#{value.n | json}"}}, on_error={"mapping": "skip"})
    assert [m["extras"]["headers"] for m in w.ably.history("forms")] == [{"n": 1}]


def test_extras_without_key_and_headers(published):
    record = {"key": "k1", "value": "v", "headers": [("trace", b"8f")]}
    w = published([record], extras={"key": False, "headers": False})
    (message,) = w.ably.history("forms")
    assert "extras" not in message
