"""What a subscriber gets: data, encoding, key and headers, exactly as they were in Kafka."""

import base64
import json
import struct

import pytest

from waiting import until


@pytest.fixture
def subscriber(real_world, daemons):
    """subscriber(records, count=N, **topic options) -> the messages of the one channel, oldest first."""

    def run(records, count=None, dead_letters=None, **options):
        w = real_world(partitions=1)
        run.world = w
        w.kafka.produce(w.topic, records)
        config = w.config().topic(w.topic, **{"channel": "formats", **options})
        if dead_letters:
            config.block("dead_letter", topic=dead_letters(w.topic))
        kably = daemons.run(config)
        w.wait_committed_ends(60)
        messages = w.ably.history("formats")
        assert len(messages) == (len(records) if count is None else count), kably.tail()
        kably.stop()
        return messages

    return run


def content(message):
    return message.get("data"), message.get("encoding")


BIG = '{ "id":9007199254740993,"n" : 1.10, "e":1E400,"u":"\\u00e9 \\/","k":{"b":1,"a":[] } }'


def test_json_passes_byte_for_byte(subscriber):
    texts = [BIG, "5", "null", '"text"', "[1, 2]", "true", "-0.0", "18446744073709551616"]
    messages = subscriber([{"value": text} for text in texts], value="json")
    assert [content(message) for message in messages] == [(text, "json") for text in texts]


def test_string_is_text_and_nothing_else(subscriber):
    texts = ["plain", "", '{"a":1}', "grüße 🎈", 'q"\\\n\t\x00\x1f\x7f', "007", "null"]
    messages = subscriber([{"value": text} for text in texts], value="string")
    assert [content(message) for message in messages] == [(text, None) for text in texts]


def test_bytes_arrive_as_base64(subscriber, rng):
    values = [b"text", bytes(range(256)), b"\x00", rng.randbytes(10_000), b""]
    messages = subscriber([{"value": value} for value in values], value="bytes")
    for message, value in zip(messages, values, strict=True):
        assert message.get("encoding") == "base64"
        assert base64.b64decode(message["data"], validate=True) == value


NAN = struct.pack(">f", float("nan"))


@pytest.mark.parametrize(
    "format, wire, expected",
    [
        ("int16", [b"\x00\x07", b"\x80\x00"], ["7", "-32768"]),
        ("int32", [struct.pack(">i", -2)], ["-2"]),
        ("int64", [struct.pack(">q", 9007199254740993)], ["9007199254740993"]),
        ("float", [struct.pack(">f", 0.1), NAN], ["0.1", '"NaN"']),
        ("double", [struct.pack(">d", 0.1), struct.pack(">d", float("-inf"))], ["0.1", '"-Infinity"']),
    ],
)
def test_plain_numbers_arrive_as_json(subscriber, format, wire, expected):
    """Written as Kafka's own serializers write; a template takes the number as the JSON shows it."""
    records = [{"key": value, "value": value} for value in wire]
    messages = subscriber(records, key=format, value=format, name="#{value}/#{key}")
    assert [content(message) for message in messages] == [(text, "json") for text in expected]
    for message, text in zip(messages, expected, strict=True):
        assert message["extras"]["kafka"]["key"] == text
        assert message["name"] == "/".join([text.strip('"')] * 2)


def test_a_uuid_arrives_as_text(subscriber):
    uuid = "123e4567-e89b-12d3-a456-426614174000"
    (message,) = subscriber([{"key": uuid, "value": uuid}], key="uuid", value="uuid", name="#{value}")
    assert content(message) == (uuid, None)
    assert message["extras"]["kafka"]["key"] == message["name"] == uuid


def test_a_number_of_the_wrong_length_is_a_decode_failure(subscriber):
    records = [{"value": b"\x00" * 7}, {"value": b""}, {"value": struct.pack(">q", 1)}]
    messages = subscriber(records, count=1, value="int64", on_error={"decode": "skip"})
    assert content(messages[0]) == ("1", "json")


def connect(schema, payload):
    return json.dumps({"schema": schema, "payload": payload})


def test_connect_json(subscriber):
    """The envelope of Kafka Connect's JsonConverter, for key and value alike."""
    records = [
        {"key": connect({"type": "string"}, "k1"), "value": connect({"type": "string"}, "text")},
        {"key": connect({"type": "int32"}, 7), "value": connect({"type": "bytes"}, "/wA=")},
        {"key": '{"a":1}', "value": '{ "a":1 }'},
    ]
    messages = subscriber(records, key="connect_json", value="connect_json")
    assert [content(message) for message in messages] == [("text", None), ("/wA=", "base64"), ('{ "a":1 }', "json")]
    assert [message["extras"]["kafka"]["key"] for message in messages] == ["k1", "7", '{"a":1}']


def test_templates_look_into_connect_json(subscriber):
    decimal = {
        "type": "bytes",
        "name": "org.apache.kafka.connect.data.Decimal",
        "parameters": {"scale": "3"},
        "field": "total",
    }
    fields = [{"type": "int64", "field": "id"}, decimal, {"type": "string", "optional": True, "field": "note"}]
    row = connect({"type": "struct", "fields": fields}, {"total": "MDQ=", "id": 9007199254740993})
    options = {"key": "connect_json", "value": "connect_json", "name": "#{key}/#{value.total}"}
    (message,) = subscriber([{"key": connect({"type": "string"}, "k1"), "value": row}], **options)
    assert content(message) == ('{"id":9007199254740993,"total":12.340,"note":null}', "json")
    assert message["name"] == "k1/12.340"


def test_a_payload_against_its_schema_is_a_decode_failure(subscriber):
    records = [{"value": connect({"type": "int32"}, "7")}, {"value": connect({"type": "int32"}, 7)}]
    messages = subscriber(records, count=1, value="connect_json", on_error={"decode": "skip"})
    assert content(messages[0]) == ("7", "json")


def test_auto_looks_at_each_record(subscriber):
    values = [b'{"a":1}', b" [1,2] ", b"5", b"text", b"\xff\xfe", b'{"a":', "é".encode()]
    messages = subscriber([{"value": value} for value in values])
    assert [content(message) for message in messages] == [
        ('{"a":1}', "json"),
        (" [1,2] ", "json"),
        ("5", None),
        ("text", None),
        (base64.b64encode(b"\xff\xfe").decode(), "base64"),
        ('{"a":', None),
        ("é", None),
    ]


@pytest.mark.parametrize(
    "key, given, expected",
    [
        ("string", b"user:7", "user:7"),
        ("json", b'{"id": 7}', '{"id": 7}'),
        ("json", b"9007199254740993", "9007199254740993"),
        ("bytes", b"user:7", base64.b64encode(b"user:7").decode()),
        ("auto", b"user:7", "user:7"),
        ("auto", b"\xff\x00", base64.b64encode(b"\xff\x00").decode()),
    ],
)
def test_keys(subscriber, key, given, expected):
    (message,) = subscriber([{"key": given, "value": "v"}], key=key)
    assert message["extras"]["kafka"]["key"] == expected


def test_no_key_and_no_headers_means_no_extras(subscriber):
    (message,) = subscriber([{"value": "v"}])
    assert "extras" not in message
    assert "name" not in message and "encoding" not in message


def test_headers_are_byte_exact(subscriber):
    texts = ["007", "12:30", "1.10", "2024-05-01", '{"a":1}', " 5 ", "null", "", "grüße"]
    headers = [(f"h{n}", text.encode()) for n, text in enumerate(texts)]
    (message,) = subscriber([{"value": "v", "headers": headers}])
    assert message["extras"]["headers"] == {f"h{n}": text for n, text in enumerate(texts)}


def test_repeated_and_binary_headers(subscriber):
    headers = [("x", b"first"), ("bin", b"\xff\x00"), ("x", b"last"), ("more", b"\xfe")]
    (message,) = subscriber([{"value": "v", "headers": headers}])
    got = message["extras"]["headers"]
    assert got["x"] == "last"
    assert base64.b64decode(got["bin"]) == b"\xff\x00"
    assert base64.b64decode(got["more"]) == b"\xfe"
    assert sorted(message["extras"]["kafka"]["base64_headers"]) == ["bin", "more"]


def test_push_header(subscriber):
    push = '{"notification":{"title":"T","body":"B"},"data":{"id":9007199254740993,"none":null}}'
    headers = [("com.ably.extras.push", push.encode()), ("other", b"stays")]
    (message,) = subscriber([{"value": "v", "headers": headers}])
    assert message["extras"]["push"] == json.loads(push)
    assert message["extras"]["headers"] == {"other": "stays"}


@pytest.mark.parametrize("push", [b"", b"[]", b'"text"', b"{", b"\xff"])
def test_a_push_header_that_is_no_push_is_a_message_failure(subscriber, push):
    bad = {"value": "bad", "headers": [("com.ably.extras.push", push)]}
    messages = subscriber([bad, {"value": "good"}], count=1, on_error={"message": "skip"})
    assert messages[0]["data"] == "good"


@pytest.mark.parametrize(
    "format, data, encoding",
    [
        ("string", '{"a":1}', "json/utf-8"),
        ("bytes", base64.b64encode(b'{"a":1}').decode(), "json/utf-8/base64"),
    ],
)
def test_encoding_override(subscriber, format, data, encoding):
    header = [("com.ably.encoding", b"json/utf-8")]
    (message,) = subscriber([{"value": '{"a":1}', "headers": header}], value=format)
    assert content(message) == (data, encoding)
    assert "extras" not in message


@pytest.mark.parametrize("policy", ["publish", "skip", "dlq"])
@pytest.mark.parametrize("value", ["auto", "json"])
def test_null_values(subscriber, policy, value):
    records = [{"key": "k1", "value": None}, {"key": "k2", "value": '{"a":1}'}]
    messages = subscriber(
        records,
        count=2 if policy == "publish" else 1,
        dead_letters=(lambda topic: topic + "-dlq") if policy == "dlq" else None,
        value=value,
        null_value=policy,
    )
    assert messages[-1]["data"] == '{"a":1}'
    w = subscriber.world
    if policy == "publish":
        assert content(messages[0]) == (None, None)
        assert messages[0]["extras"]["kafka"]["key"] == "k1"
    if policy == "dlq":
        (letter,) = w.kafka.read(w.topic + "-dlq", 1)
        assert (letter.key, letter.value) == (b"k1", None)


def test_text_that_is_not_utf8_is_a_decode_failure(subscriber):
    messages = subscriber(
        [{"value": b"\xff"}, {"value": "fine"}], count=1, value="string", on_error={"decode": "skip"}
    )
    assert messages[0]["data"] == "fine"


def test_zero_bytes_are_no_json(subscriber):
    messages = subscriber([{"value": b""}, {"value": "1"}], count=1, value="json", on_error="skip")
    assert messages[0]["data"] == "1"


def test_templates_take_text_as_it_is(real_world, daemons):
    """Substituted text is never read as a template or a pattern again."""
    w = real_world(partitions=1)
    keys = ["$1", "a\\b", "cost$", "$0", "#{topic}", "%s", "ü"]
    w.kafka.produce(w.topic, [{"key": key, "value": "v"} for key in keys])
    kably = daemons.run(w.config().topic(w.topic, channel="ch:#{key}", name="#{topic}:#{partition}:#{offset}"))
    until(lambda: w.ably.unique() >= len(keys), 60, kably.tail)
    for offset, key in enumerate(keys):
        (message,) = w.ably.history(f"ch:{key}")
        assert message["name"] == f"{w.topic}:0:{offset}"


def test_template_paths_and_filters(subscriber):
    value = '{"a.b": "dot", "items": [{"id": 9007199254740993}], "city": "", "Name": "MiXed"}'
    template = '#{value["a.b"]}/#{value.items[0].id}/#{value.missing | default("none")}/#{value.Name | lower}'
    (message,) = subscriber(
        [{"value": value, "headers": [("h", b"7")], "timestamp": 1_600_000_000_123}],
        name=template + "/#{header.h}/#{timestamp}",
    )
    assert message["name"] == "dot/9007199254740993/none/mixed/7/1600000000123"


def test_client_id_of_a_topic(subscriber):
    (message,) = subscriber([{"key": "me", "value": "v"}], client_id="#{key}")
    assert message["clientId"] == "me"
