"""Differential: 20,000 values of random Avro schemas, encoded by fastavro; our JSON must hold the value, exactly.

KABLY_SEED=N runs the same ones again."""

import base64
import decimal
import io
import json
import math
import os
import struct

import fastavro
import pytest

import daemon
from schema_bridge import Bridge

VALUES, VALUES_OF_A_SCHEMA = 20_000, 5
CHARS = 'aZ09 "\\/\n\t\r\b\f\x01\x1f\x7fé€🎈'


class Real:
    """A float or double: its own text is free, the number it reads back as is not."""

    def __init__(self, number, single):
        self.number, self.single = number, single

    def __eq__(self, got):
        if not math.isfinite(self.number):
            return got == {math.inf: "Infinity", -math.inf: "-Infinity"}.get(self.number, "NaN")
        if not isinstance(got, decimal.Decimal):
            return False
        pack = "<f" if self.single else "<d"
        return struct.pack(pack, float(got)) == struct.pack(pack, self.number)

    def __repr__(self):
        return f"Real({self.number!r})"


def text(rng):
    return "".join(rng.choice(CHARS) for _ in range(rng.choice([0, 1, 5, 30])))


def integer(rng, bits):
    return rng.choice([0, 1, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1)), rng.getrandbits(bits) - 2 ** (bits - 1),
                       rng.randrange(-70, 70)])


def real(rng, single):
    raw = rng.choice([rng.random() * 10 ** rng.randrange(-10, 20), round(rng.random() * 1000, 2), rng.randrange(-9, 9),
                      math.inf, -math.inf, math.nan, -0.0, 5e-324, 1.7e308])
    if rng.random() < 0.3:
        raw = struct.unpack("<d", rng.randbytes(8))[0]
    if single:
        raw = struct.unpack("<f", rng.randbytes(4))[0] if rng.random() < 0.5 else raw
        try:
            raw = struct.unpack("<f", struct.pack("<f", raw))[0]
        except OverflowError:
            raw = 0.5
    return raw


def same_decimal(unscaled, scale):
    return decimal.Decimal(unscaled).scaleb(-scale, decimal.Context(prec=200))


class Schemas:
    """Makes types: (schema, maker), where maker() gives (value for fastavro, what the JSON must hold)."""

    def __init__(self, rng):
        self.rng, self.n = rng, 0

    def name(self):
        self.n += 1
        return f"{self.rng.choice(['a', 'b.c'])}.N{self.n}"

    def leaf(self):
        rng = self.rng
        kind = rng.choice(["null", "boolean", "int", "long", "float", "double", "bytes", "string", "enum", "fixed",
                           "decimal", "fixed decimal", "date", "timestamp", "uuid"])
        return getattr(self, "make_" + kind.replace(" ", "_"))()

    def any(self, depth):
        if depth == 0 or self.rng.random() < 0.3:
            return self.leaf()
        return self.rng.choice([self.record, self.record, self.array, self.map, self.union])(depth)

    def make_null(self):
        return "null", lambda: (None, None)

    def make_boolean(self):
        return "boolean", lambda: (value := self.rng.random() < 0.5, value)

    def make_int(self):
        return "int", lambda: (value := integer(self.rng, 32), value)

    def make_long(self):
        return "long", lambda: (value := integer(self.rng, 64), value)

    def make_float(self):
        return "float", lambda: (value := real(self.rng, True), Real(value, True))

    def make_double(self):
        return "double", lambda: (value := real(self.rng, False), Real(value, False))

    def make_string(self):
        return "string", lambda: (value := text(self.rng), value)

    def raw(self, size=None):
        value = self.rng.randbytes(self.rng.choice([0, 1, 2, 3, 40]) if size is None else size)
        return value, base64.b64encode(value).decode()

    def make_bytes(self):
        return "bytes", self.raw

    def make_fixed(self):
        size = self.rng.choice([0, 1, 7, 16])
        return {"type": "fixed", "name": self.name(), "size": size}, lambda: self.raw(size)

    def make_enum(self):
        symbols = [f"S{i}" for i in range(self.rng.choice([1, 2, 130]))]
        return {"type": "enum", "name": self.name(), "symbols": symbols}, lambda: (
            value := self.rng.choice(symbols), value)

    def make_date(self):
        # Written as the number below: fastavro's own dates end at the year 9999.
        return {"type": "int", "logicalType": "date"}, lambda: (value := integer(self.rng, 32), value)

    def make_timestamp(self):
        unit = self.rng.choice(["millis", "micros", "nanos"])
        kind = self.rng.choice(["timestamp-", "local-timestamp-"]) + unit
        return {"type": "long", "logicalType": kind}, lambda: (value := integer(self.rng, 64), value)

    def make_uuid(self):
        value = "0e8d9f2c-0d1f-4a6c-8a52-6d3f2b8c1e00"
        return {"type": "string", "logicalType": "uuid"}, lambda: (value, value)

    def make_decimal(self):
        scale = self.rng.randrange(12)
        schema = {"type": "bytes", "logicalType": "decimal", "precision": scale + 60, "scale": scale}

        def make():
            unscaled = integer(self.rng, self.rng.choice([8, 64, 128, 160]))
            size = unscaled.bit_length() // 8 + 1
            return unscaled.to_bytes(size, "big", signed=True), same_decimal(unscaled, scale)

        return schema, make

    def make_fixed_decimal(self):
        size, scale = self.rng.choice([1, 4, 12]), self.rng.randrange(3)
        schema = {"type": "fixed", "name": self.name(), "size": size, "logicalType": "decimal", "precision": 2,
                  "scale": scale}

        def make():
            unscaled = integer(self.rng, 8 * size)
            return unscaled.to_bytes(size, "big", signed=True), same_decimal(unscaled, scale)

        return schema, make

    def record(self, depth):
        names = self.rng.sample(["a", "b_1", "Id", "zz", "field", "n0"], self.rng.randrange(0, 6))
        fields = {name: self.any(depth - 1) for name in names}
        schema = {"type": "record", "name": self.name(), "fields": [
            {"name": name, "type": kind} for name, (kind, _) in fields.items()]}

        def make():
            made = {name: maker() for name, (_, maker) in fields.items()}
            return {k: v for k, (v, _) in made.items()}, {k: w for k, (_, w) in made.items()}

        return schema, make

    def array(self, depth):
        kind, maker = self.any(depth - 1)

        def make():
            made = [maker() for _ in range(self.rng.choice([0, 1, 2, 9]))]
            return [v for v, _ in made], [w for _, w in made]

        return {"type": "array", "items": kind}, make

    def map(self, depth):
        kind, maker = self.any(depth - 1)

        def make():
            made = {text(self.rng): maker() for _ in range(self.rng.choice([0, 1, 4]))}
            return {k: v for k, (v, _) in made.items()}, {k: w for k, (_, w) in made.items()}

        return {"type": "map", "values": kind}, make

    def union(self, depth):
        """Branches that fastavro can tell apart by the value, or by name."""
        pick = {"null": self.make_null, "string": self.make_string, "long": self.make_long,
                "boolean": self.make_boolean, "record": lambda: self.record(max(depth - 1, 1)),
                "array": lambda: self.array(depth)}
        chosen = self.rng.sample(list(pick), self.rng.randrange(1, 5))
        branches = [pick[name]() for name in chosen]

        def make():
            kind, maker = self.rng.choice(branches)
            value, wanted = maker()
            if isinstance(kind, dict) and kind["type"] == "record":
                return (kind["name"], value), wanted
            return value, wanted

        return [kind for kind, _ in branches], make


def without_logical(schema):
    """As fastavro writes them: numbers and bytes, whatever they mean."""
    if isinstance(schema, dict):
        return {k: without_logical(v) for k, v in schema.items() if k not in ("logicalType", "precision", "scale")}
    return [without_logical(item) for item in schema] if isinstance(schema, list) else schema


def encode(parsed, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, parsed, value)
    return out.getvalue()


def same(got, wanted):
    """Kinds and all: True is not 1, and digits are not rounded."""
    if isinstance(wanted, dict):
        return isinstance(got, dict) and got.keys() == wanted.keys() and all(same(got[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list):
        return isinstance(got, list) and len(got) == len(wanted) and all(map(same, got, wanted))
    if isinstance(wanted, decimal.Decimal):
        return isinstance(got, (decimal.Decimal, int)) and decimal.Decimal(got) == wanted
    if isinstance(wanted, Real):
        return wanted == got
    return type(got) is type(wanted) and got == wanted


def in_array(maker):
    return lambda: tuple([part] for part in maker())


@pytest.fixture
def bridge():
    made = Bridge(os.path.join(os.path.dirname(daemon.binary()), "tests", "schema_json"))
    yield made
    made.close()


def test_random_values(bridge, rng):
    for _ in range(VALUES // VALUES_OF_A_SCHEMA):
        schema, maker = Schemas(rng).any(rng.randrange(1, 5))
        kind = schema["type"] if isinstance(schema, dict) else schema
        if kind in ("bytes", "fixed", "string"):  # these are no JSON texts alone
            schema, maker = {"type": "array", "items": schema}, in_array(maker)
        ok, why = bridge.compile("AVRO", json.dumps(schema))
        assert ok, f"{why}: {json.dumps(schema)}"
        parsed = fastavro.parse_schema(without_logical(schema))
        for _ in range(VALUES_OF_A_SCHEMA):
            value, wanted = maker()
            payload = encode(parsed, value)
            ok, got = bridge.ask("decode", payload)
            assert ok, f"{got}: {payload.hex()} by {json.dumps(schema)}"
            seen = json.loads(got, parse_float=decimal.Decimal)
            assert same(seen, wanted), f"{got} is not {wanted!r}: {payload.hex()} by {json.dumps(schema)}"
