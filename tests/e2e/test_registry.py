"""Formats with a schema registry: written by the real serializers, decoded at the end by the real SDK, compared with
the value written."""

import base64
import datetime
import decimal
import json
import os
import uuid

import pytest
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry import header_schema_id_serializer
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

import sdk
from conftest import kafka_script
from registry_proxy import GuidRegistry, RegistryProxy


@pytest.fixture(scope="session")
def registry_url(real_bootstrap):
    """The real registry: $KABLY_TEST_REGISTRY, else the one beside the broker."""
    if given := os.environ.get("KABLY_TEST_REGISTRY"):
        return given
    kafka_script("start")
    lines = kafka_script("env").stdout.splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["SCHEMA_REGISTRY_URL"]


@pytest.fixture
def proxy(registry_url):
    running = RegistryProxy(registry_url)
    yield running
    running.close()


class Writer:
    """The serializers of confluent-kafka, each schema under a subject of its own."""

    def __init__(self, url, topic):
        self.client = SchemaRegistryClient({"url": url})
        self.topic = topic
        self.n = 0

    def subject(self):
        self.n += 1
        return f"{self.topic}-{self.n}"

    def context(self, field=MessageField.VALUE, headers=None):
        return SerializationContext(self.topic, field, headers)

    def avro(self, schema, value, refs=(), context=None, **conf):
        subject = self.subject()
        text = schema if isinstance(schema, str) else json.dumps(schema)
        schema = Schema(text, "AVRO", list(refs)) if refs else text
        settings = {"subject.name.strategy": lambda ctx, name: subject, **conf}
        return AvroSerializer(self.client, schema, conf=settings)(value, context or self.context())

    def json(self, schema, value):
        subject = self.subject()
        settings = {"subject.name.strategy": lambda ctx, name: subject}
        return JSONSerializer(json.dumps(schema), self.client, conf=settings)(value, self.context())

    def register(self, name, schema):
        """Gives a reference to it."""
        subject = self.subject()
        self.client.register_schema(subject, Schema(json.dumps(schema), "AVRO"))
        return SchemaReference(name, subject, 1)


@pytest.fixture
def writer(registry_url, name):
    return Writer(registry_url, name)


def as_js(value):
    """A value as JavaScript's numbers hold it."""
    if isinstance(value, dict):
        return {key: as_js(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_js(item) for item in value]
    if isinstance(value, (int, decimal.Decimal)) and not isinstance(value, bool):
        return float(value)
    return value


def record(*fields, name="R", **more):
    return {
        "type": "record",
        "name": name,
        "fields": [{"name": field, "type": kind} for field, kind in fields],
        **more,
    }


def logical(kind, logical_name, **more):
    return {"type": kind, "logicalType": logical_name, **more}


def in_record(kind, value, shown):
    """A field of that type: (schema, value, what the subscriber gets)."""
    return record(("f", kind)), {"f": value}, {"f": shown}


BIG = 9007199254740993
UTC = datetime.timezone.utc
NOON = datetime.datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
TREE = record(("v", "int"), ("kids", {"type": "array", "items": "Tree"}), ("up", ["null", "Tree"]), name="Tree")
UNION = ["null", "int", "string", record(("x", "int"), name="P"), {"type": "array", "items": "int"}]
DECIMAL = logical("bytes", "decimal", precision=40, scale=3)
FIXED = {"type": "fixed", "name": "F", "size": 3}

MONTH = (1).to_bytes(4, "little") + (2).to_bytes(4, "little") + (3004).to_bytes(4, "little")
NESTED = record(
    ("a", record(("x", "int"), name="Same", namespace="one")),
    ("b", record(("x", "string"), name="Same", namespace="two")),
    ("c", "one.Same"),
    ("d", "two.Same"),
    namespace="shop",
)
COLOURS = {"type": "enum", "name": "Colour", "symbols": ["RED", "BLUE"], "default": "RED"}
PARTS = ["null", "boolean", "long", "double", "bytes", "string", COLOURS, {"type": "array", "items": "string"},
         {"type": "map", "values": "int"}, record(("l", "int"), name="Left"), record(("r", "int"), name="Right")]

# schema, value, what the subscriber gets: by group
AVRO = {
    "primitive": [
        ("boolean", True, True),
        ("boolean", False, False),
        ("null", None, None),
        ("int", -7, -7),
        ("int", 2147483647, 2147483647),
        ("int", -2147483648, -2147483648),
        ("long", BIG, BIG),
        ("long", -(2**63), -(2**63)),
        ("long", 2**63 - 1, 2**63 - 1),
        ("long", 0, 0),
        ("float", 0.5, 0.5),
        ("float", 0.1, 0.1),
        ("float", 3.4028235e38, 3.4028235e38),
        ("float", float("nan"), "NaN"),
        ("float", float("-inf"), "-Infinity"),
        ("double", 0.1, 0.1),
        ("double", 1 / 3, 1 / 3),
        ("double", 1e300, 1e300),
        ("double", 5e-324, 5e-324),
        ("double", -0.0, -0.0),
        ("double", float("nan"), "NaN"),
        ("double", float("inf"), "Infinity"),
        ("double", float("-inf"), "-Infinity"),
        ("string", "", ""),
        ("string", 'say "hi"\\\n\t\u0001', 'say "hi"\\\n\t\u0001'),
        ("string", "grüße 🎈", "grüße 🎈"),
        ("string", "x" * 20000, "x" * 20000),
        in_record("bytes", b"\x00\xff", base64.b64encode(b"\x00\xff").decode()),
        in_record("bytes", b"", ""),
    ],
    "complex": [
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", "B"),
        in_record(COLOURS, "BLUE", "BLUE"),
        in_record(FIXED, b"abc", "YWJj"),
        ({"type": "array", "items": "int"}, [], []),
        ({"type": "array", "items": "long"}, list(range(300)), list(range(300))),
        ({"type": "array", "items": {"type": "array", "items": "int"}}, [[1], []], [[1], []]),
        ({"type": "array", "items": "null"}, [None, None], [None, None]),
        ({"type": "array", "items": record(("x", "int"), name="I")}, [{"x": 1}, {"x": 2}], [{"x": 1}, {"x": 2}]),
        ({"type": "map", "values": "string"}, {}, {}),
        ({"type": "map", "values": "long"}, {"a b": 1, 'q"': 2, "ü": 3, "": 4}, {"a b": 1, 'q"': 2, "ü": 3, "": 4}),
        ({"type": "map", "values": {"type": "map", "values": "int"}}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"type": "map", "values": record(("x", "int"), name="M")}, {"a": {"x": 1}}, {"a": {"x": 1}}),
        (record(name="Empty"), {}, {}),
        (record(("a", "int"), ("b", "string"), ("c", "boolean")), {"a": 1, "b": "x", "c": True},
         {"a": 1, "b": "x", "c": True}),
        (record(("in", record(("deep", record(("x", "int"), name="C")), name="B"))), {"in": {"deep": {"x": 5}}},
         {"in": {"deep": {"x": 5}}}),
    ],
    "names": [
        (record(("a", record(("x", "int"), name="Same")), ("b", "Same")), {"a": {"x": 1}, "b": {"x": 2}},
         {"a": {"x": 1}, "b": {"x": 2}}),
        (record(("a", "int"), namespace="com.example", aliases=["Old", "other.Old"], doc="d"), {"a": 1}, {"a": 1}),
        (NESTED, {"a": {"x": 1}, "b": {"x": "s"}, "c": {"x": 2}, "d": {"x": "t"}},
         {"a": {"x": 1}, "b": {"x": "s"}, "c": {"x": 2}, "d": {"x": "t"}}),
        ({"type": "record", "name": "Aliased", "fields": [{"name": "a", "type": "int", "aliases": ["b", "c"]}]}, {"a": 1},
         {"a": 1}),
        ({"type": "record", "name": "com.example.Defaults", "fields": [
            {"name": "a", "type": "int", "default": 5},
            {"name": "b", "type": ["null", "string"], "default": None},
            {"name": "c", "type": {"type": "array", "items": "int"}, "default": []}]}, {}, {"a": 5, "b": None, "c": []}),
        (TREE, {"v": 1, "kids": [{"v": 2, "kids": [], "up": None}], "up": {"v": 3, "kids": [], "up": None}},
         {"v": 1, "kids": [{"v": 2, "kids": [], "up": None}], "up": {"v": 3, "kids": [], "up": None}}),
    ],
    "union": [
        in_record(["null", "string"], None, None),
        in_record(["null", "string"], "x", "x"),
        in_record(["string", "null"], None, None),
        in_record(UNION, 5, 5),
        in_record(UNION, "t", "t"),
        in_record(UNION, {"x": 1}, {"x": 1}),
        in_record(UNION, [1, 2], [1, 2]),
        in_record(["null", FIXED], b"xyz", "eHl6"),
        in_record(["null", DECIMAL], decimal.Decimal("1.250"), decimal.Decimal("1.250")),
        in_record(["null", logical("int", "date")], datetime.date(1970, 1, 2), 1),
        in_record(["string"], "alone", "alone"),
        (UNION, 5, 5),
        (UNION, None, None),
        ({"type": "array", "items": ["null", "string"]}, [None, "x"], [None, "x"]),
        ({"type": "map", "values": ["null", "long", "string"]}, {"a": None, "b": BIG, "c": "s"},
         {"a": None, "b": BIG, "c": "s"}),
        *[in_record(PARTS, value, shown) for value, shown in [
            (None, None), (True, True), (BIG, BIG), (0.5, 0.5), (b"\xff", "/w=="), ("text", "text"),
            (("Colour", "BLUE"), "BLUE"), (["a"], ["a"]), ({"k": 1}, {"k": 1}),
            (("Left", {"l": 1}), {"l": 1}), (("Right", {"r": 2}), {"r": 2})]],
    ],
    "logical": [
        (logical("int", "date"), datetime.date(2024, 5, 1), 19844),
        (logical("int", "time-millis"), datetime.time(10, 0, 0, 1000), 36000001),
        (logical("long", "time-micros"), datetime.time(10, 0, 0, 1), 36000000001),
        (logical("long", "timestamp-millis"), NOON, 1714564800123),
        (logical("long", "timestamp-micros"), NOON, 1714564800123456),
        (logical("long", "timestamp-nanos"), 1714564800123456789, 1714564800123456789),
        (logical("long", "local-timestamp-millis"), NOON.replace(tzinfo=None), 1714564800123),
        (logical("long", "local-timestamp-micros"), NOON.replace(tzinfo=None), 1714564800123456),
        (logical("long", "local-timestamp-nanos"), -1, -1),
        ({"type": "array", "items": logical("int", "date")}, [datetime.date(1969, 12, 31)], [-1]),
        ({"type": "map", "values": logical("long", "timestamp-millis")}, {"a": NOON}, {"a": 1714564800123}),
        (logical("string", "uuid"), uuid.UUID(int=7), str(uuid.UUID(int=7))),
        in_record(logical("fixed", "duration", name="Du", size=12), MONTH, "P1M2DT3.004S"),
        in_record(DECIMAL, decimal.Decimal("-12.340"), decimal.Decimal("-12.340")),
        in_record(DECIMAL, decimal.Decimal("0.000"), decimal.Decimal("0.000")),
        in_record(DECIMAL, decimal.Decimal("1234567890123456789012345678901234567.123"),
                  decimal.Decimal("1234567890123456789012345678901234567.123")),
        in_record(logical("bytes", "decimal", precision=20), decimal.Decimal("-12345678901234567890"), -12345678901234567890),
        in_record(logical("fixed", "decimal", name="FD", size=4, precision=9, scale=2), decimal.Decimal("7.05"),
                  decimal.Decimal("7.05")),
        ({"type": "array", "items": DECIMAL}, [decimal.Decimal("1.000")], [decimal.Decimal("1.000")]),
        (logical("string", "date"), "not a day", "not a day"),
        (logical("long", "of-our-own"), 5, 5),
    ],
}


def check(ably, messages, expected):
    """Exactly: by the text on the wire, where Python keeps every digit, and by what the SDK makes of it."""
    assert len(messages) == len(expected)
    for message, value in zip(messages, expected, strict=True):
        if value is None or (isinstance(value, str) and message.get("encoding") is None):
            got = message.get("data")  # the serializers write null for None, whatever the schema
        else:
            assert message["encoding"] == "json", message
            got = json.loads(message["data"], parse_float=decimal.Decimal)
        if isinstance(value, float):
            got = float(got)
        assert got == value and type(got) is type(value), f"{message} is not {value!r}"
    for decoded, value in zip(sdk.read(ably, {"formats": None})["formats"], expected, strict=True):
        assert decoded.get("encoding") is None
        assert as_js(decoded.get("value")) == as_js(value)


@pytest.fixture
def subscriber(real_world, daemons, registry_url):
    """subscriber(records, **topic options) -> the messages of the one channel, oldest first."""

    def run(records, url=registry_url, channel="formats", registry=None, **options):
        w = real_world(partitions=1)
        w.kafka.produce(w.topic, records)
        config = w.config().block("registry", url=url, **(registry or {}))
        config.topic(w.topic, channel=channel, **options)
        run.kably = kably = daemons.run(config)
        w.wait_committed_ends(60)
        kably.stop()
        return w.ably, w.ably.history("formats")

    return run


@pytest.mark.parametrize("group", AVRO)
def test_avro(subscriber, writer, group):
    records = [{"value": writer.avro(schema if isinstance(schema, dict | list) else json.dumps(schema), value)}
               for schema, value, _ in AVRO[group]]
    check(*subscriber(records, value="avro"), [shown for _, _, shown in AVRO[group]])


LOGICAL = record(
    ("day", logical("int", "date")),
    ("time", logical("int", "time-millis")),
    ("fine", logical("long", "time-micros")),
    ("at", logical("long", "timestamp-micros")),
    ("local", logical("long", "local-timestamp-millis")),
    ("price", DECIMAL),
    ("id", logical("string", "uuid")),
    ("term", logical("fixed", "duration", name="Term", size=12)),
)
LOGICAL_VALUE = {
    "day": NOON.date(),
    "time": datetime.time(10, 0, 0, 1000),
    "fine": datetime.time(10, 0, 0, 1),
    "at": NOON,
    "local": NOON.replace(tzinfo=None),
    "price": decimal.Decimal("-12.340"),
    "id": uuid.UUID(int=7),
    "term": MONTH,
}
RAW = {"day": 19844, "time": 36000001, "fine": 36000000001, "at": 1714564800123456, "local": 1714564800123}
UUID = {"id": str(uuid.UUID(int=7))}
DEFAULT = {**RAW, **UUID, "price": decimal.Decimal("-12.340"), "term": "P1M2DT3.004S"}
ISO = {"day": "2024-05-01", "time": "10:00:00.001", "fine": "10:00:00.000001", "at": "2024-05-01T12:00:00.123456Z",
       "local": "2024-05-01T12:00:00.123"}
BYTES = {"price": base64.b64encode((-12340).to_bytes(2, "big", signed=True)).decode(), "term": base64.b64encode(MONTH).decode()}
WAYS = {  # the option, and what the subscriber gets
    "default": (None, DEFAULT),
    "raw": ("raw", {**RAW, **UUID, **BYTES}),
    "iso": ("iso", {**DEFAULT, **ISO}),
    "text": ("text", {**{name: str(number) for name, number in RAW.items()}, **UUID, "price": "-12.340",
                      "term": "P1M2DT3.004S"}),
    "peer": ("peer", {**DEFAULT, "term": BYTES["term"]}),
    "some": ({"default": "raw", "date": "iso", "decimal": "text"},
             {**RAW, **UUID, **BYTES, "day": "2024-05-01", "price": "-12.340"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_logical_types_each_way(subscriber, writer, way):
    option, shown = WAYS[way]
    options = {"logical_types": option} if option else {}
    check(*subscriber([{"value": writer.avro(LOGICAL, LOGICAL_VALUE)}], value="avro", **options), [shown])


@pytest.mark.parametrize(
    "unions, shown",
    [
        ("plain", {"u": {"x": 1}, "n": None, "t": "s", "b": "/w=="}),
        ("avro", {"u": {"P": {"x": 1}}, "n": None, "t": {"string": "s"}, "b": "/w=="}),
        ("connect", {"u": {"int": None, "P": {"x": 1}}, "n": None, "t": "s", "b": "/w=="}),
    ],
)
def test_unions_each_way(subscriber, writer, unions, shown):
    """With a union that only adds null, Connect has an optional field and no branches."""
    schema = record(
        ("u", ["int", record(("x", "int"), name="P")]), ("n", ["null", "int"]), ("t", ["null", "string"]), ("b", "bytes")
    )
    value = {"u": {"x": 1}, "n": None, "t": "s", "b": b"\xff"}
    check(*subscriber([{"value": writer.avro(schema, value)}], value="avro", unions=unions), [shown])


def test_bytes_as_latin1(subscriber, writer):
    schema = record(("b", "bytes"), ("f", FIXED))
    wire = writer.avro(schema, {"b": b"a\xff\x00", "f": b"xyz"})
    check(*subscriber([{"value": wire}], value="avro", binary="latin1"), [{"b": "a\u00ff\u0000", "f": "xyz"}])


def test_the_table_is_whole():
    """Every type, logical type and union shape; sixty values and more."""
    assert sum(map(len, AVRO.values())) >= 60
    text = json.dumps([[row[0] for row in rows] for rows in AVRO.values()])
    kinds = "null boolean int long float double bytes string record enum array map fixed".split()
    logicals = "date time-millis time-micros decimal uuid duration".split()
    logicals += [f"{local}timestamp-{unit}" for local in ("", "local-") for unit in ("millis", "micros", "nanos")]
    for word in kinds + logicals:
        assert f'"{word}"' in text, f"no value of {word}"


def test_references(subscriber, writer):
    """A reference that has one itself: each is fetched by subject and version, and stands before what names it."""
    address = writer.register("shop.Address", record(("city", "string"), name="Address", namespace="shop"))
    customer = record(("home", "shop.Address"), name="Customer", namespace="shop")
    subject = writer.subject()
    writer.client.register_schema(subject, Schema(json.dumps(customer), "AVRO", [address]))
    order = record(("who", "shop.Customer"), ("to", "shop.Address"), name="Order", namespace="shop")
    value = {"who": {"home": {"city": "X"}}, "to": {"city": "Y"}}
    wire = writer.avro(order, value, refs=[address, SchemaReference("shop.Customer", subject, 1)])
    check(*subscriber([{"value": wire}], value="avro"), [value])


def test_top_level_bytes_stand_raw(subscriber, writer):
    """As the Java serializer writes them, without a length; Python's writes one, which is then part of the bytes."""
    wire = writer.avro('"bytes"', b"")[:5] + b"\x00\x01\xff"
    _, (message,) = subscriber([{"value": wire}], value="avro")
    assert message["encoding"] == "base64" and base64.b64decode(message["data"]) == b"\x00\x01\xff"


@pytest.mark.parametrize("format", ["json_schema", "auto"])
def test_json_schema_passes(subscriber, writer, format):
    schema = {"title": "T", "type": "object", "properties": {"n": {"type": "integer"}}}
    values = [{"n": 9007199254740993}, {"n": 1, "u": "ü"}]
    check(*subscriber([{"value": writer.json(schema, value)} for value in values], value=format), values)


def test_auto_tells_framed_from_plain(subscriber, writer):
    unknown = b"\x00\x7f\xff\xff\xfe\x01\xff"  # no such id: bytes
    records = [writer.avro('"long"', 7), '{"a":1}', "text", b"\xff", unknown, b"\x00"]
    _, messages = subscriber([{"value": value} for value in records], value="auto")
    assert [(m["data"], m.get("encoding")) for m in messages] == [
        ("7", "json"),
        ('{"a":1}', "json"),
        ("text", None),
        (base64.b64encode(b"\xff").decode(), "base64"),
        (base64.b64encode(unknown).decode(), "base64"),
        ("\x00", None),
    ]


def test_options_and_paths(subscriber, writer):
    """Templates see what the JSON shows: union branches, map entries, array indexes, logical types."""
    schema = record(
        ("day", logical("int", "date")),
        ("at", logical("long", "timestamp-millis")),
        ("price", DECIMAL),
        ("who", ["null", record(("id", "long"), name="Who")]),
        ("tags", {"type": "map", "values": {"type": "array", "items": "string"}}),
        ("raw", "bytes"),
    )
    value = {
        "day": datetime.date(2024, 5, 1),
        "at": NOON,
        "price": decimal.Decimal("1.50"),
        "who": {"id": 9007199254740993},
        "tags": {"a b": ["x", "y"]},
        "raw": b"\xff",
    }
    key = writer.avro(record(("customer", record(("id", "int"), name="Cu")), name="K"), {"customer": {"id": 7}})
    name = '#{key.customer.id} #{value.day} #{value.price} #{value.who.id} #{value.tags["a b"][1]} #{value.raw}'
    options = {"logical_types": {"default": "iso", "decimal": "text"}, "name": name}
    _, (message,) = subscriber([{"key": key, "value": writer.avro(schema, value)}], key="avro", value="avro", **options)
    assert json.loads(message["data"]) == {
        "day": "2024-05-01",
        "at": "2024-05-01T12:00:00.123Z",
        "price": "1.500",
        "who": {"id": 9007199254740993},
        "tags": {"a b": ["x", "y"]},
        "raw": "/w==",
    }
    assert message["name"] == "7 2024-05-01 1.500 9007199254740993 y /w=="
    assert json.loads(message["extras"]["kafka"]["key"]) == {"customer": {"id": 7}}


def test_a_string_key_is_its_text(subscriber, writer):
    key = writer.avro('"string"', "k1", context=writer.context(MessageField.KEY))
    _, (message,) = subscriber([{"key": key, "value": writer.avro('"int"', 1)}], key="avro", value="avro", name="#{key}")
    assert message["extras"]["kafka"]["key"] == "k1" and message["name"] == "k1"


def test_a_guid_in_a_header(subscriber, writer, proxy):
    """Confluent's newer framing: the schema's GUID in a header, the value is all payload."""
    guid = uuid.uuid4()
    answer = json.dumps({"schema": '"long"'}).encode()
    proxy.fault = lambda path: (200, answer) if path == f"/schemas/guids/{guid}" else (404, b"{}")
    header = ("__value_schema_id", b"\x01" + guid.bytes)
    records = [{"value": b"\x0e", "headers": [header]}, {"value": b"\x01" + guid.bytes + b"\x10"}]
    _, messages = subscriber(records, url=proxy.url, value="avro")
    assert [m["data"] for m in messages] == ["7", "8"]
    assert proxy.asked == {f"/schemas/guids/{guid}": 1}


def test_the_serializer_of_headers(subscriber, registry_url, name):
    """The real serializer of that framing, for key and value, with a registry that gives GUIDs."""
    registry = GuidRegistry(registry_url)
    writer = Writer(registry.url, name)
    headers = []
    by_header = {"schema.id.serializer": header_schema_id_serializer}
    order = record(("id", "int"), name="Order")
    key = writer.avro('"string"', "k1", context=writer.context(MessageField.KEY, headers), **by_header)
    value = writer.avro(order, {"id": 7}, context=writer.context(headers=headers), **by_header)
    assert sorted((header, len(guid)) for header, guid in headers) == [("__key_schema_id", 17), ("__value_schema_id", 17)]
    options = {"key": "avro", "value": "avro", "name": "#{key}/#{value.id}"}
    _, (message,) = subscriber([{"key": key, "value": value, "headers": headers}], url=registry.url, **options)
    registry.close()
    assert json.loads(message["data"]) == {"id": 7} and message["name"] == "k1/7"
    assert message["extras"]["kafka"]["key"] == "k1"


def test_credentials_and_several_addresses(subscriber, writer, proxy):
    """The first address is nobody's; the second asks for a password, which stands in the address."""
    proxy.credentials = "Basic " + base64.b64encode(b"me:pa:ss").decode()
    url = ["http://127.0.0.1:1", proxy.url.replace("//", "//me:pa:ss@")]
    _, (message,) = subscriber([{"value": writer.avro('"int"', 5)}], url=url, value="avro")
    assert message["data"] == "5"


@pytest.mark.parametrize(
    "settings, header",
    [
        ({"token": "t0ken"}, "Bearer t0ken"),
        ({"auth": "me:pa:ss"}, "Basic " + base64.b64encode(b"me:pa:ss").decode()),
    ],
)
def test_credentials_of_the_block(subscriber, writer, proxy, settings, header):
    proxy.credentials = header
    wire = writer.avro('"int"', 5)
    _, (message,) = subscriber([{"value": wire}] * 1, url=proxy.url, registry=settings, value="avro")
    assert message["data"] == "5" and sum(proxy.asked.values()) == 1


def test_credentials_in_an_address_are_escaped(subscriber, writer, proxy):
    proxy.credentials = "Basic " + base64.b64encode("me@x:p/ä".encode()).decode()
    url = proxy.url.replace("//", "//me%40x:p%2f%C3%A4@")
    _, (message,) = subscriber([{"value": writer.avro('"int"', 5)}], url=url, value="avro")
    assert message["data"] == "5"
