"""A path means the same everywhere: what a template names, what a function reads, what an edited record becomes and
what the subscriber's JSON shows are equal, digit by digit, under every format with an inside."""

import decimal
import json

import pytest

import test_protobuf
from lua import Raw
from test_protobuf import compiled, filled
from test_registry import DECIMAL, NOON, logical, record, registry_url, writer  # noqa: F401 (fixtures)

BIG = 9007199254740993

# A path as templates have it, as Lua has it where that differs (arrays count from 1), and as Python's JSON has it.
PATHS = {
    "text": ("text", None, ("text",)),
    "escaped": ("escaped", None, ("escaped",)),
    "big": ("big", None, ("big",)),
    "ratio": ("ratio", None, ("ratio",)),
    "flag": ("flag", None, ("flag",)),
    "branch": ("branch", None, ("branch",)),
    "record branch": ("whole.id", None, ("whole", "id")),
    "map entry": ('tags["a b"]', None, ("tags", "a b")),
    "map entry of a strange name": ('tags["q.[0]"]', None, ("tags", "q.[0]")),
    "array element": ("list[1]", "list[2]", ("list", 1)),
    "element of an element": ("items[1].sku", "items[2].sku", ("items", 1, "sku")),
    "enum": ("kind", None, ("kind",)),
    "bytes": ("raw", None, ("raw",)),
    "date": ("day", None, ("day",)),
    "timestamp": ("at", None, ("at",)),
    "decimal": ("price", None, ("price",)),
}

VALUE = {
    "text": "grüße 🎈",
    "escaped": 'a"b\\c\n',
    "big": BIG,
    "ratio": 0.1,
    "flag": True,
    "branch": "b",
    "whole": {"id": BIG},
    "tags": {"a b": "x", "q.[0]": "y"},
    "list": [1, BIG, 3],
    "items": [{"sku": "s0"}, {"sku": "s1"}],
    "kind": "PAID",
    "raw": b"\xff\x00",
    "day": NOON.date(),
    "at": NOON,
    "price": decimal.Decimal("12.340"),
}
SHOWN = {  # under logical_types = { default = "iso", decimal = "number" }
    **VALUE,
    "ratio": decimal.Decimal("0.1"),
    "raw": "/wA=",
    "day": "2024-05-01",
    "at": "2024-05-01T12:00:00.123Z",
}

AVRO = record(
    ("text", "string"),
    ("escaped", "string"),
    ("big", "long"),
    ("ratio", "double"),
    ("flag", "boolean"),
    ("branch", ["null", "int", "string"]),
    ("whole", ["string", record(("id", "long"), name="Whole")]),
    ("tags", {"type": "map", "values": "string"}),
    ("list", {"type": "array", "items": "long"}),
    ("items", {"type": "array", "items": record(("sku", "string"), name="Item")}),
    ("kind", {"type": "enum", "name": "Kind", "symbols": ["NEW", "PAID"]}),
    ("raw", "bytes"),
    ("day", logical("int", "date")),
    ("at", logical("long", "timestamp-millis")),
    ("price", DECIMAL),
)


def in_avro(writer):  # noqa: F811
    return writer.avro(AVRO, VALUE)


# --- what JSON alone can't say is written as it shows ---


def as_json():
    return json.dumps({**SHOWN, "ratio": 0.1, "price": 0}, ensure_ascii=False).replace('"price": 0', '"price": 12.340')


def in_json_schema(writer):  # noqa: F811
    return writer.json({"title": "T", "type": "object", "properties": {"n": {"type": "integer"}}}, {"n": 1})[:5] + as_json().encode()


CONNECT = {
    "text": {"type": "string"},
    "escaped": {"type": "string"},
    "big": {"type": "int64"},
    "ratio": {"type": "double"},
    "flag": {"type": "boolean"},
    "branch": {"type": "string", "optional": True},
    "whole": {"type": "struct", "fields": [{"type": "int64", "field": "id"}]},
    "tags": {"type": "map", "keys": {"type": "string"}, "values": {"type": "string"}},
    "list": {"type": "array", "items": {"type": "int64"}},
    "items": {"type": "array", "items": {"type": "struct", "fields": [{"type": "string", "field": "sku"}]}},
    "kind": {"type": "string"},
    "raw": {"type": "bytes"},
    "day": {"type": "int32", "name": "org.apache.kafka.connect.data.Date"},
    "at": {"type": "int64", "name": "org.apache.kafka.connect.data.Timestamp"},
    "price": {"type": "bytes", "name": "org.apache.kafka.connect.data.Decimal", "parameters": {"scale": "3"}},
}


def in_connect_json():
    fields = [{**kind, "field": name} for name, kind in CONNECT.items()]
    payload = {**VALUE, "raw": "/wA=", "day": 19844, "at": 1714564800123, "price": "MDQ="}
    return json.dumps({"schema": {"type": "struct", "fields": fields}, "payload": payload}, default=str)


PROTO = """
syntax = "proto3";
import "google/protobuf/timestamp.proto";
message Paths {
  string text = 1; string escaped = 2; int64 big = 3; double ratio = 4; bool flag = 5;
  oneof one { int32 other = 6; string branch = 7; }
  message Whole { int64 id = 1; } Whole whole = 8;
  map<string, string> tags = 9;
  repeated int64 list = 10;
  message Item { string sku = 1; } repeated Item items = 11;
  enum Kind { NEW = 0; PAID = 1; } Kind kind = 12;
  bytes raw = 13;
  google.protobuf.Timestamp at = 14;
}
"""
IN_PROTO = {name: shown for name, shown in SHOWN.items() if name not in ("day", "price")}


def in_protobuf(url, topic):
    kind = compiled({"paths.proto": PROTO})("Paths")
    return test_protobuf.Writer(url, topic).write(filled(kind, {**IN_PROTO, "ratio": 0.1}))


TO_TEXT = """local function text(v)
  if type(v) == "string" then return v end
  return kably.json.encode(v)
end
"""

WIRES = {
    "json": lambda given: as_json(),
    "json_schema": lambda given: in_json_schema(given["writer"]),
    "avro": lambda given: in_avro(given["writer"]),
    "protobuf": lambda given: in_protobuf(given["url"], given["name"]),
    "connect_json": lambda given: in_connect_json(),
}


@pytest.fixture(params=WIRES)
def published(request, real_world, daemons, writer, registry_url, name):  # noqa: F811
    """published(**topic options) -> the one message, and what it should show."""
    format = request.param

    def run(**options):
        w = real_world(partitions=1)
        given = {"writer": writer, "url": registry_url, "name": name}
        w.kafka.produce(w.topic, [{"key": "k", "value": WIRES[format](given)}])
        config = w.config().block("registry", url=registry_url)
        config.blocks.insert(0, TO_TEXT)
        shown = {"logical_types": {"default": "iso", "decimal": "number"}, "int64": "number"}
        config.topic(w.topic, key="string", value=format, channel="paths", **shown, **options)
        kably = daemons.run(config)
        w.wait_committed_ends(60)
        kably.stop()
        (message,) = w.ably.history("paths")
        return message

    run.shown = IN_PROTO if format == "protobuf" else SHOWN
    return run


# --- the four ways ---



def at(value, steps):
    for step in steps:
        value = value[step]
    return value


def printed(value):
    """As a template prints what the JSON shows."""
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_a_path_is_the_same_everywhere(published):
    paths = {title: path for title, path in PATHS.items() if path[2][0] in published.shown}
    reads = ", ".join(f"text(record.value.{lua or template})" for template, lua, _ in paths.values())
    message = published(
        name="|".join(f"#{{value.{template}}}" for template, _, _ in paths.values()),
        client_id=Raw(f'function(record) return table.concat({{ {reads} }}, "|") end'),
    )
    data = json.loads(message["data"], parse_float=decimal.Decimal)
    assert data == published.shown
    expected = dict(zip(paths, [printed(at(data, steps)) for _, _, steps in paths.values()], strict=True))
    got = {way: dict(zip(paths, message[way].split("|"), strict=True)) for way in ("name", "clientId")}
    assert got["name"] == expected
    if "decimal" in paths:  # for Lua 12.340 is a number like any other, 12.34
        assert decimal.Decimal(got["clientId"]["decimal"]) == decimal.Decimal(expected["decimal"])
        got["clientId"]["decimal"] = expected["decimal"]
    assert got["clientId"] == expected


def test_an_edited_record_keeps_the_rest(published):
    """`transform` sets two members: all others are as they were, and templates see both."""
    edit = "record.value.items[2].sku = 'new' record.value.added = record.value.at"
    message = published(
        name="#{value.whole.id}/#{value.items[1].sku}/#{value.added}",
        transform=Raw(f"function(record) {edit} return record end"),
    )
    expected = {**published.shown, "items": [{"sku": "s0"}, {"sku": "new"}], "added": SHOWN["at"]}
    assert json.loads(message["data"], parse_float=decimal.Decimal) == expected
    assert message["name"] == f"{BIG}/new/{SHOWN['at']}"
