"""Protobuf with a schema registry: written by the real serializer, decoded at the end by the real SDK."""

import decimal
import json
import pathlib
import tempfile

import pytest
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from grpc_tools import protoc
import grpc_tools

import test_registry
from test_registry import registry_url, subscriber  # noqa: F401 (fixtures)

INNER = """
syntax = "proto3";
package shared;
message Money { string currency = 1; int64 units = 2; sint32 nanos = 3; }
enum Status { NEW = 0; PAID = 1; SHIPPED = 2; }
"""

MAIN = """
syntax = "proto3";
package shop;
import "shared/money.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/any.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/empty.proto";

message Order {
  double d = 1; float f = 2; int64 i64 = 3; uint64 u64 = 4; int32 i32 = 5; fixed64 f64 = 6; fixed32 f32 = 7;
  bool b = 8; string s = 9; bytes by = 10; uint32 u32 = 11; sfixed32 sf32 = 12; sfixed64 sf64 = 13;
  sint32 s32 = 14; sint64 s64 = 15;
  shared.Money total = 16;
  repeated shared.Money items = 17;
  repeated int32 packed = 18;
  repeated int32 loose = 19 [packed = false];
  repeated string tags = 20;
  map<string, int64> counts = 21;
  map<int32, shared.Money> prices = 22;
  map<bool, string> flags = 23;
  shared.Status status = 24;
  repeated shared.Status history = 25;
  oneof contact { string email = 26; int64 phone = 27; shared.Money bribe = 28; }
  optional int32 maybe = 29;
  google.protobuf.Timestamp at = 30;
  google.protobuf.Duration lasts = 31;
  google.protobuf.Struct free = 32;
  google.protobuf.Value value = 33;
  google.protobuf.ListValue list = 34;
  google.protobuf.Int64Value wide = 35;
  google.protobuf.StringValue text = 36;
  google.protobuf.BoolValue truth = 37;
  google.protobuf.BytesValue raw = 38;
  google.protobuf.DoubleValue real = 39;
  google.protobuf.Any any = 40;
  google.protobuf.FieldMask mask = 41;
  google.protobuf.Empty empty = 42;
  Order parent = 43;
  int32 snake_case_name = 44;
  int32 renamed = 45 [json_name = "other"];
  message Line { string sku = 1; message Deep { bool yes = 1; } Deep deep = 2; }
  Line line = 46;
}
message Second { int32 n = 1; }
"""

OLD = """
syntax = "proto2";
message Old {
  required int32 id = 1;
  optional string name = 2 [default = "nobody"];
  repeated int64 n = 3 [packed = true];
  enum Kind { A = 1; B = 2; }
  optional Kind kind = 4 [default = B];
  extensions 100 to 199;
}
"""

FILES = {"shared/money.proto": INNER, "main.proto": MAIN, "old.proto": OLD}


def compiled(files):
    """compiled({"a.proto": text})("shop.Order") -> protobuf's own class."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text)
        builtin = pathlib.Path(grpc_tools.__file__).parent / "_proto"
        arguments = [f"-I{root}", f"-I{builtin}", "--include_imports", f"-o{root}/set", *files]
        assert protoc.main(["protoc", *arguments]) == 0
        described = descriptor_pb2.FileDescriptorSet.FromString((root / "set").read_bytes()).file
    pool = descriptor_pool.DescriptorPool()
    for file in described:
        pool.Add(file)
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


@pytest.fixture(scope="session")
def messages():
    """messages("shop.Order") -> protobuf's own class."""
    return compiled(FILES)


class Writer:
    """The serializer of confluent-kafka; and records framed as Java's does, on schemas registered as texts."""

    def __init__(self, url, topic):
        self.client = SchemaRegistryClient({"url": url})
        self.topic = topic

    def write(self, message):
        serializer = ProtobufSerializer(type(message), self.client, {"use.deprecated.format": False})
        return serializer(message, SerializationContext(self.topic, MessageField.VALUE))

    def register(self, text, refs=()):
        return self.client.register_schema(f"{self.topic}-{len(text)}", Schema(text, "PROTOBUF", list(refs)))

    def refer(self, name, text):
        self.client.register_schema(f"{self.topic}-{name}", Schema(text, "PROTOBUF"))
        return SchemaReference(name, f"{self.topic}-{name}", 1)


@pytest.fixture
def writer(registry_url, name):  # noqa: F811
    return Writer(registry_url, name)


MONEY = {"currency": "EUR", "units": "9007199254740993", "nanos": -5}

# What ParseDict makes a message of, and what the subscriber gets: the same, unless the second is given.
ORDERS = [
    ({},),
    ({"d": 0.1, "f": 0.1, "i64": "-9223372036854775808", "u64": "18446744073709551615", "i32": -2147483648},),
    ({"f64": "18446744073709551615", "f32": 4294967295, "b": True, "s": "grüße 🎈\n\"", "by": "/wABAg=="},),
    ({"u32": 4294967295, "sf32": -1, "sf64": "-9007199254740993", "s32": -2147483648, "s64": "-9223372036854775808"},),
    ({"d": "NaN", "f": "Infinity"},),
    ({"d": "-Infinity", "f": -0.5},),
    ({"d": 1e300, "f": 16777216.0},),
    ({"i32": 0, "s": "", "b": False}, {}),
    ({"total": MONEY},),
    ({"total": {}},),
    ({"items": [MONEY, {}, MONEY]},),
    ({"packed": [1, -1, 0, 2147483647]},),
    ({"loose": [1, -1, 0, 2147483647]},),
    ({"tags": ["", "a", "b"]},),
    ({"counts": {"a": "1", "": "-9007199254740993", "z": "0"}},),
    ({"prices": {"-1": MONEY, "7": {}}},),
    ({"flags": {"true": "yes", "false": ""}},),
    ({"status": "SHIPPED"},),
    ({"status": 99},),
    ({"history": ["NEW", "PAID", 7]},),
    ({"email": "a@b.c"},),
    ({"phone": "0"},),
    ({"bribe": {}},),
    ({"maybe": 0},),
    ({"at": "2024-02-29T12:34:56.120Z"},),
    ({"at": "0001-01-01T00:00:00Z"},),
    ({"lasts": "-1.500s"},),
    ({"lasts": "0s"},),
    ({"free": {"a": [1.5, None, {"b": "c"}], "b": True}},),
    ({"value": None},),
    ({"value": "x"},),
    ({"value": [1.5, {}]},),
    ({"list": [None, False, "x"]},),
    ({"wide": "9007199254740993", "text": "", "truth": False, "raw": "AA==", "real": 0.0},),
    ({"any": {"@type": "type.googleapis.com/shared.Money", **MONEY}},),
    ({"any": {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "3s"}},),
    ({"mask": "a.bC,d"},),
    ({"empty": {}},),
    ({"parent": {"parent": {"i32": 7, "parent": {}}}},),
    ({"snakeCaseName": 1, "other": 2},),
    ({"line": {"sku": "x", "deep": {"yes": True}}},),
]


def check(ably, arrived, expected):
    """As test_registry.py does, which reads numbers with all their digits."""
    digits = json.loads(json.dumps(expected), parse_float=decimal.Decimal)
    test_registry.check(ably, arrived, digits)


def filled(kind, given):
    return json_format.ParseDict(given, kind(), descriptor_pool=kind.DESCRIPTOR.file.pool)


def test_every_feature(subscriber, writer, messages):  # noqa: F811
    """41 messages, most of them one feature; the serializer registers descriptors in base64."""
    kind = messages("shop.Order")
    wires = [writer.write(filled(kind, row[0])) for row in ORDERS]
    check(*subscriber([{"value": wire} for wire in wires], value="protobuf"), [row[-1] for row in ORDERS])


def test_texts_with_references(subscriber, writer, messages):  # noqa: F811
    """The same on schemas that are .proto texts, which import another subject's."""
    refs = [writer.refer("shared/money.proto", INNER)]
    frame = b"\x00" + writer.register(MAIN, refs).to_bytes(4, "big") + b"\x00"
    kind = messages("shop.Order")
    records = [{"value": frame + filled(kind, row[0]).SerializeToString()} for row in ORDERS]
    check(*subscriber(records, value="protobuf"), [row[-1] for row in ORDERS])


def test_which_message(subscriber, writer, messages):  # noqa: F811
    """Of several in a file, and inside each other behind three maps: as the serializer counts, by the descriptor it has
    registered and by a text that was there before it, and as Java counts by a text."""
    second = filled(messages("shop.Second"), {"n": 7})
    deep = filled(messages("shop.Order.Line.Deep"), {"yes": True})
    refs = [writer.refer("shared/money.proto", INNER)]
    frame = b"\x00" + writer.register(MAIN, refs).to_bytes(4, "big")
    values = [
        writer.write(second),
        writer.write(deep),
        frame + writer.write(deep)[5:],
        frame + b"\x02\x02" + second.SerializeToString(),
        frame + b"\x06\x00\x00\x00" + deep.SerializeToString(),
    ]
    assert values[2][5:].startswith(b"\x06\x00\x06\x00"), "the maps' entries are not counted"
    expected = [{"n": 7}, {"yes": True}, {"yes": True}, {"n": 7}, {"yes": True}]
    check(*subscriber([{"value": value} for value in values], value="protobuf"), expected)


def test_proto2(subscriber, writer, messages):  # noqa: F811
    given = [{"id": 0}, {"id": 7, "name": "", "n": ["1", "-1"], "kind": "A"}]
    values = [writer.write(filled(messages("Old"), row)) for row in given]
    check(*subscriber([{"value": value} for value in values], value="auto"), given)


FURTHER = """
syntax = "proto3";
package further;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

message All {
  enum Size { option allow_alias = true; S = 0; M = 1; MEDIUM = 1; L = -1; }
  Size size = 1;
  map<string, Size> sizes = 2;
  map<uint64, double> reals = 3;
  map<sint32, bytes> blobs = 4;
  map<string, google.protobuf.Timestamp> times = 5;
  google.protobuf.UInt64Value u64 = 6;
  google.protobuf.Int32Value i32 = 7;
  google.protobuf.UInt32Value u32 = 8;
  google.protobuf.FloatValue real = 9;
  google.protobuf.Timestamp at = 10;
  google.protobuf.Duration lasts = 11;
  google.protobuf.Any any = 12;
  repeated google.protobuf.Duration waits = 13;
  repeated google.protobuf.Value mixed = 14;
  oneof one { string a = 15; int32 b = 16; Size c = 17; }
  repeated Size history = 18;
  repeated double doubles = 19;
  repeated bool flags = 20;
  repeated sint64 zigzags = 21 [packed = false];
  google.protobuf.Struct deep = 22;
  int32 field_name_with_2_parts = 23;
  message Nested { message Inner { int32 n = 1; } repeated Inner inner = 1; }
  Nested nested = 24;
  bytes blob = 25;
}
"""

# As ORDERS: one feature each.
ALL = [
    ({"size": "M"},),
    ({"size": "MEDIUM"}, {"size": "M"}),  # of two names the first
    ({"size": "L"},),
    ({"sizes": {"a": "S", "b": "L", "c": 7}},),
    ({"reals": {"0": 0.0, "18446744073709551615": -1.5}},),
    ({"blobs": {"-1": "/w==", "1": ""}},),
    ({"times": {"a": "1970-01-01T00:00:00Z"}},),
    ({"u64": "18446744073709551615", "i32": -1, "u32": 4294967295, "real": 0.5},),
    ({"u64": "0", "i32": 0, "u32": 0, "real": 0.0},),
    ({"real": "NaN"},),
    ({"at": "2024-05-01T12:00:00.123456789Z"},),
    ({"at": "1969-12-31T23:59:59.999Z"},),
    ({"at": "9999-12-31T23:59:59.999999Z"},),
    ({"lasts": "-0.000000001s"},),
    ({"lasts": "315576000000s"},),
    ({"waits": ["1s", "0.500s"]},),
    ({"any": {"@type": "type.googleapis.com/further.All.Nested", "inner": [{"n": 1}]}},),
    ({"any": {"@type": "type.googleapis.com/google.protobuf.Any",
              "value": {"@type": "type.googleapis.com/google.protobuf.Int64Value", "value": "7"}}},),
    ({"any": {"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"a": None}}},),
    ({"mixed": [None, 1.5, "x", True, [], {"a": {}}]},),
    ({"a": ""},),
    ({"b": 0},),
    ({"c": "S"},),
    ({"history": ["S", "L", "M"]},),
    ({"doubles": [0.0, -0.0, "Infinity"]},),
    ({"flags": [True, False]},),
    ({"zigzags": ["-1", "9223372036854775807"]},),
    ({"deep": {"a": {"b": [{"c": 1.5}]}}},),
    ({"fieldNameWith2Parts": 1},),
    ({"nested": {"inner": [{}, {"n": -1}]}},),
    ({"blob": "AA=="},),
]

# What no class writes: bytes of an All, and what the subscriber gets.
WRITTEN = {
    "an unknown field, of each wire type": (b"\xc0>\x07" + b"\xc1>" + bytes(8) + b"\xc2>\x01x" + b"\xc5>" + bytes(4), {}),
    "a type that no file has": (
        b"b\x23\x0a\x1dtype.googleapis.com/x.Unknown\x12\x02\x08\x01",
        {"any": {"@type": "type.googleapis.com/x.Unknown", "value": "CAE="}},
    ),
    "a field twice: the last": (b"\x08\x01\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", {"size": "L"}),
    "a message twice: merged": (b"\xc2\x01\x02\x0a\x00\xc2\x01\x04\x0a\x02\x08\x05", {"nested": {"inner": [{}, {"n": 5}]}}),
    "two of a oneof: the last": (b"z\x01x\x80\x01\x05", {"b": 5}),
    "packed where it need not be": (b"\xaa\x01\x02\x01\x02", {"zigzags": ["-1", "1"]}),
    "not packed where it might be": (b"\xa0\x01\x01\xa0\x01\x00", {"flags": [True, False]}),
    "a key twice: the last": (b"\x12\x05\x0a\x01a\x10\x00\x12\x05\x0a\x01a\x10\x01", {"sizes": {"a": "M"}}),
    "an entry without key and value": (b"\x12\x00", {"sizes": {"": "S"}}),
}


def test_further_features(subscriber, writer):  # noqa: F811
    kind = compiled({"further.proto": FURTHER})("further.All")
    records = [{"value": writer.write(filled(kind, row[0]))} for row in ALL]
    frame = b"\x00" + writer.register(FURTHER).to_bytes(4, "big") + b"\x00"  # one byte: the first message
    records += [{"value": frame + wire} for wire, _ in WRITTEN.values()]
    check(*subscriber(records, value="protobuf"), [row[-1] for row in ALL] + [shown for _, shown in WRITTEN.values()])


GROUPS = """
syntax = "proto2";
message Old { optional group Part = 1 { optional int32 n = 1; } optional int32 after = 2; }
"""


def test_groups_are_refused_clearly(subscriber, writer, messages):  # noqa: F811
    """In a schema; as an unknown field they are passed over like any other."""
    good = writer.write(filled(messages("shop.Second"), {"n": 7}))
    values = [b"\x00" + writer.register(GROUPS).to_bytes(4, "big") + b"\x00\x10\x05", good + b"\x3b\x3c", good]
    records = [{"value": value} for value in values]
    check(*subscriber(records, value="protobuf", on_error={"decode": "skip"}), [{"n": 7}, {"n": 7}])
    assert subscriber.kably.logged(r"@0: decode: .*groups are not supported; declare a message instead; policy=skip")


def test_imports_that_are_public(subscriber, writer):  # noqa: F811
    """A file that passes on what it imports itself, over two subjects."""
    inner = writer.refer("shared/money.proto", INNER)
    middle = 'syntax = "proto3";\nimport public "shared/money.proto";\n'
    writer.client.register_schema(f"{writer.topic}-middle", Schema(middle, "PROTOBUF", [inner]))
    passed = SchemaReference("middle.proto", f"{writer.topic}-middle", 1)
    outer = 'syntax = "proto3";\nimport "middle.proto";\nmessage Bill { shared.Money sum = 1; }\n'
    frame = b"\x00" + writer.register(outer, [passed]).to_bytes(4, "big") + b"\x00"
    check(*subscriber([{"value": frame + b"\x0a\x05\x0a\x03EUR"}], value="protobuf"), [{"sum": {"currency": "EUR"}}])


def test_options_and_paths(subscriber, writer, messages):  # noqa: F811
    given = {"snakeCaseName": 5, "status": "PAID", "total": MONEY, "counts": {"a.b": "3"}, "tags": ["x", "y"]}
    value = writer.write(filled(messages("shop.Order"), given))
    options = {"use_proto_names": True, "int64": "number", "enums": "number"}
    template = '#{value.snake_case_name}/#{value.total.units}/#{value.counts["a.b"]}/#{value.tags[1]}/#{value.status}'
    _, (message,) = subscriber([{"value": value}], value="protobuf", name=template, **options)
    assert message["name"] == "5/9007199254740993/3/y/1"
    assert json.loads(message["data"]) == {
        "snake_case_name": 5,
        "status": 1,
        "total": {"currency": "EUR", "units": 9007199254740993, "nanos": -5},
        "counts": {"a.b": 3},
        "tags": ["x", "y"],
    }


def test_default_values(subscriber, writer, messages):  # noqa: F811
    value = writer.write(filled(messages("shop.Second"), {}))
    _, (message,) = subscriber([{"value": value}], value="protobuf", emit_default_values=True)
    assert json.loads(message["data"]) == {"n": 0}


def test_keys(subscriber, writer, messages):  # noqa: F811
    key = writer.write(filled(messages("shared.Money"), MONEY))
    options = {"key": "protobuf", "value": "string", "name": "#{key.currency}"}
    _, (message,) = subscriber([{"key": key, "value": "v"}], **options)
    assert json.loads(message["extras"]["kafka"]["key"]) == MONEY
    assert message["name"] == "EUR"


def test_what_is_not_protobuf_meets_the_policy(subscriber, writer, messages):  # noqa: F811
    good = writer.write(filled(messages("shop.Second"), {"n": 7}))
    bad = [good[:5], good[:-1], good + b"\x07", good[:5] + b"\x02\x63", b'{"n": 7}']
    records = [{"value": value} for value in [*bad, good]]
    ably, (message,) = subscriber(records, value="protobuf", on_error={"decode": "skip"})
    check(ably, [message], [{"n": 7}])
