"""Differential: 20,000 messages of random schemas, our JSON against protobuf's own.

KABLY_SEED=N runs the same ones again."""

import os
import pathlib

import pytest
from google.protobuf import json_format

from random_protobuf import Filler, Schema
from schema_bridge import Bridge

MESSAGES, PER_SCHEMA = 20_000, 40


@pytest.fixture
def bridge():
    made = Bridge(pathlib.Path(os.environ["KABLY_BIN"]).parent / "tests/schema_json")
    yield made
    made.close()


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def framing(places, rng):
    if places == [0] and rng.random() < 0.5:
        return b"\x00"  # the short form
    return b"".join(varint(2 * number) for number in [len(places), *places])


def counted(descriptor):
    """The places by a descriptor: among its nested types are the entries of maps."""
    inside = descriptor.containing_type
    if inside is None:
        return [list(descriptor.file.message_types_by_name).index(descriptor.name)]
    return [*counted(inside), [nested.name for nested in inside.nested_types].index(descriptor.name)]


def unknown_fields(rng, descriptor):
    """Fields of some later version, one of every wire type, a group with one inside."""
    number = next(n for n in range(2**28, 2**29) if n not in descriptor.fields_by_number)
    tag = lambda wire: varint(number << 3 | wire)
    made = [
        tag(0) + b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        tag(1) + b"12345678",
        tag(2) + b"\x03\xff\x00\xff",
        tag(5) + b"1234",
        tag(3) + varint(9 << 3 | 3) + b"\x08\x01" + varint(9 << 3 | 4) + tag(4),
    ]
    return b"".join(rng.sample(made, rng.randint(0, len(made))))


def same(ours, theirs):
    """As JSON: true is not 1, and a number is what a reader of doubles makes of it."""
    if isinstance(ours, dict):
        return isinstance(theirs, dict) and ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list):
        return isinstance(theirs, list) and len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    return ours == theirs


def difference(ours, theirs, path="$"):
    """The first place where they are not the same, for people."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            if key not in ours or key not in theirs:
                return f"{path}.{key}: ours {ours.get(key, 'has none')!r}, theirs {theirs.get(key, 'has none')!r}"
            if not same(ours[key], theirs[key]):
                return difference(ours[key], theirs[key], f"{path}.{key}")
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for place, pair in enumerate(zip(ours, theirs, strict=True)):
            if not same(*pair):
                return difference(*pair, f"{path}[{place}]")
    return f"{path}: ours {ours!r}, theirs {theirs!r}"


OPTIONS = {
    "names": {"preserving_proto_field_name": True},
    "defaults": {"always_print_fields_with_no_presence": True},
    "enum-number": {"use_integers_for_enums": True},
}


def check_schema(bridge, rng, n):
    """How many were compared: protobuf itself refuses to show some."""
    compared = 0
    schema = Schema(rng)
    as_text = rng.random() < 0.6
    has_any = any("protobuf.Any" in text for text in (schema.main.text, *schema.refs.values()))
    files = {"": schema.main.text, **schema.refs} if as_text else schema.descriptors()
    ok, why = bridge.compile("PROTOBUF", files.pop(""), **files)
    assert ok, f"{why}\n{schema.refs}\n----\n{schema.main.text}"
    for _ in range(n):
        words = rng.sample(list(OPTIONS), rng.randint(0, 3))
        bridge.ask("options", " ".join(words))
        name, places = rng.choice(list(schema.main.places.items()))
        kind = schema.messages[name]
        filler = Filler(rng, schema)
        # Two messages one after the other are one: the last scalar wins, messages merge, lists go on.
        # Not where there is an Any: one's type with the other's bytes is read as the library likes.
        wire = filler.fill(kind()).SerializeToString()
        if rng.random() < 0.4 and not has_any:
            wire += unknown_fields(rng, kind.DESCRIPTOR) + filler.fill(kind()).SerializeToString()
        options = {key: value for word in words for key, value in OPTIONS[word].items()}
        try:
            theirs = json_format.MessageToDict(kind.FromString(wire), descriptor_pool=schema.pool, **options)
        except (json_format.SerializeToJsonError, ValueError):
            continue  # two Timestamps, merged, may be none
        places = places if as_text else counted(kind.DESCRIPTOR)
        ours = bridge.json(framing(places, rng) + wire)
        assert same(ours, theirs), f"{schema.refs}\n----\n{schema.main.text}\n{wire.hex()}\n{difference(ours, theirs)}"
        compared += 1
    return compared


def test_json_as_protobuf_has_it(bridge, rng):
    compared = 0
    while compared < MESSAGES:
        compared += check_schema(bridge, rng, PER_SCHEMA)
