"""Random .proto texts of two files, compiled by protoc, and random messages of them."""

import base64
import pathlib
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from grpc_tools import protoc
import grpc_tools

SCALARS = (
    "double float int64 uint64 int32 fixed64 fixed32 bool string bytes uint32 sfixed32 sfixed64 sint32 sint64".split()
)
KEYS = "int64 uint64 int32 fixed64 fixed32 bool string uint32 sfixed32 sfixed64 sint32 sint64".split()
WELL_KNOWN = {
    "timestamp": ["Timestamp"],
    "duration": ["Duration"],
    "field_mask": ["FieldMask"],
    "empty": ["Empty"],
    "any": ["Any"],
    "struct": ["Struct", "Value", "ListValue", "NullValue"],
    "wrappers": "DoubleValue FloatValue Int64Value UInt64Value Int32Value UInt32Value BoolValue StringValue BytesValue".split(),
}
COMMENTS = ["", "", "", " // a comment; with { marks\n", " /* another } \n one */ "]


class Text:
    """One .proto file: its text, the paths of its messages and the places that the framing counts."""

    def __init__(self, rng, package, imports=(), known=()):
        self.rng, self.package = rng, package
        self.proto3 = rng.random() < 0.6
        self.known = list(known)  # full names that may be used from the start
        self.enums = []
        self.places = {}  # full name -> [place, ...]
        self.lines = [f'syntax = "proto{3 if self.proto3 else 2}";' + rng.choice(COMMENTS)]
        self.lines += [f"package {package};"] if package else []
        self.lines += [f'import "google/protobuf/{name}.proto";' for name in WELL_KNOWN]
        self.lines += [f'import "{name}";' for name in imports]
        self.lines += ['option java_package = "a.b";', "option (unknown) = { a: 1 b { c: [1, 2] } };"][: rng.randint(0, 1)]
        for place in range(rng.randint(1, 3)):
            self.lines += self.message(f"M{place}", package, [place], 0)
        self.text = "\n".join(self.lines)

    def full(self, scope, name):
        return f"{scope}.{name}" if scope else name

    def enum(self, name, scope):
        number = self.rng.choice([1, 5, 100, 2**31 - 1])
        prefix = self.full(scope, name).replace(".", "_").upper()  # values are the scope's, not the enum's
        values = [f"{prefix}_ZERO = 0;", f"{prefix}_ONE = {number};", f"{prefix}_LESS = -{number};"]
        self.enums.append(self.full(scope, name))
        return [f"enum {name} {{", *values, f'reserved 7, 9 to 11; reserved "{prefix}_X";', "}"]

    def type(self, scope):
        """A type's name as a text may write it: the full one with or without its leading dot."""
        kind = self.rng.random()
        if kind < 0.6 or (kind < 0.75 and not self.known):
            return self.rng.choice(SCALARS)
        if kind < 0.75:
            return "." + self.rng.choice(self.known)
        if kind < 0.85 and self.enums:
            return "." + self.rng.choice(self.enums)
        return ".google.protobuf." + self.rng.choice(self.rng.choice(list(WELL_KNOWN.values())))

    def label(self, of):
        if self.rng.random() < 0.3:
            return "repeated "
        if self.proto3:
            return self.rng.choice(["", "", "optional "])
        return "optional "

    def options(self, label, of, number):
        made = []
        if label == "repeated " and of in SCALARS and of not in ("string", "bytes"):
            made += self.rng.choice([[], ["packed = true"], ["packed = false"]])
        if self.rng.random() < 0.1:
            made.append(f'json_name = "j\\x2d{number}"')
        if self.rng.random() < 0.1:
            made.insert(0, "deprecated = true")
        return f" [{', '.join(made)}]" if made else ""

    def field(self, number, scope):
        name = f"{self.rng.choice(['field', 'a_b', 'CamelCase', 'x__y_', 'message', 'f_1a', 'group_'])}_{number}"
        if self.rng.random() < 0.15:
            of = self.type(scope)
            return f"map<{self.rng.choice(KEYS)}, {of}> {name} = {number};"
        of = self.type(scope)
        label = self.label(of)
        return f"{label}{of} {name} = {number}{self.options(label, of, number)};"

    def numbers(self):
        while True:
            top = self.rng.choice([15, 40, 1000, 2**29 - 1])
            number = self.rng.randint(1, top)
            if number not in self.used and not 19000 <= number <= 19999:
                self.used.add(number)
                return number

    def message(self, name, scope, place, depth):
        full = self.full(scope, name)
        self.places[full] = place
        self.known.append(full)
        lines, nested = [f"message {name} {{" + self.rng.choice(COMMENTS)], 0
        if self.rng.random() < 0.5:
            lines += self.enum("E", full)
        for inner in range(self.rng.choice([0, 0, 1, 2]) if depth < 3 else 0):
            lines += self.message(f"N{inner}", full, [*place, nested], depth + 1)
            nested += 1
        self.used = set()
        for _ in range(self.rng.randint(0, 8)):
            lines.append(self.field(self.numbers(), full) + self.rng.choice(COMMENTS))
        if self.rng.random() < 0.4:
            lines.append("oneof choice {")
            for _ in range(self.rng.randint(1, 4)):
                number = self.numbers()
                lines.append(f"{self.type(full)} one_{number} = {number};")
            lines.append("}")
        return [*lines, "}"]


class Schema:
    """The text of the second file imports the first; `messages` are classes of protobuf's own."""

    def __init__(self, rng):
        first = Text(rng, rng.choice(["", "one", "one.two"]))
        self.main = Text(rng, rng.choice(["", "main", "one.main"]), ["dir/first.proto"], first.known)
        if first.package == self.main.package:  # names must not meet
            self.main = Text(rng, "apart", ["dir/first.proto"], first.known)
        self.refs = {"dir/first.proto": first.text}
        pool = descriptor_pool.DescriptorPool()
        self.files = list(self.compiled(first.text))
        for file in self.files:
            pool.Add(file)
        self.pool = pool
        self.messages = {
            name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in self.main.places
        }
        self.everything = [*self.messages.values()]

    def descriptors(self):
        """The same two files as some clients register them: base64 of a descriptor."""
        texts = {file.name: base64.b64encode(file.SerializeToString()).decode() for file in self.files}
        return {"": texts["main.proto"], "dir/first.proto": texts["dir/first.proto"]}

    def compiled(self, first):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "dir").mkdir()
            (root / "dir/first.proto").write_text(first)
            (root / "main.proto").write_text(self.main.text)
            builtin = pathlib.Path(grpc_tools.__file__).parent / "_proto"
            arguments = ["protoc", f"-I{root}", f"-I{builtin}", "--include_imports", f"-o{root}/set", "main.proto"]
            assert protoc.main(arguments) == 0, f"{first}\n----\n{self.main.text}"
            return descriptor_pb2.FileDescriptorSet.FromString((root / "set").read_bytes()).file


class Filler:
    """Random values of any message."""

    def __init__(self, rng, schema):
        self.rng, self.schema = rng, schema

    def integer(self, low, high):
        near = self.rng.choice([0, 1, -1, low, high, self.rng.randint(low, high), self.rng.randint(-300, 300)])
        return max(low, min(high, near))

    def real(self, single):
        kinds = [0.0, -0.0, 1.5, 0.1, 1e-7, 3.4e38, self.rng.uniform(-1e6, 1e6), self.rng.random()]
        kinds += [float("nan"), float("inf"), float("-inf"), round(self.rng.uniform(-1e4, 1e4), 2)]
        return self.rng.choice(kinds if single else [*kinds, 1.7e308, 5e-324, self.rng.random() * 1e300])

    def text(self):
        parts = ["a", "Z", "é", "🎈", '"', "\\", "\n", "\x00", "\x7f", "/", "\u2028", " "]
        return "".join(self.rng.choice(parts) for _ in range(self.rng.randint(0, 8)))

    def scalar(self, field):
        kind = field.type
        if kind == FieldDescriptor.TYPE_BOOL:
            return self.rng.random() < 0.5
        if kind == FieldDescriptor.TYPE_STRING:
            return self.text()
        if kind == FieldDescriptor.TYPE_BYTES:
            return self.rng.randbytes(self.rng.randint(0, 7))
        if kind in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
            return self.real(kind == FieldDescriptor.TYPE_FLOAT)
        if kind == FieldDescriptor.TYPE_ENUM:
            open_number = self.rng.random() < 0.1 and not field.enum_type.is_closed
            return 12345 if open_number else self.rng.choice(field.enum_type.values).number
        wide = "64" in str(field.cpp_type) or field.cpp_type in (
            FieldDescriptor.CPPTYPE_INT64,
            FieldDescriptor.CPPTYPE_UINT64,
        )
        unsigned = field.cpp_type in (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64)
        bits = 64 if wide else 32
        return self.integer(0, 2**bits - 1) if unsigned else self.integer(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)

    def json_like(self, depth):
        kinds = [None, True, 1.5, -3.0, self.text()]
        if depth < 3:
            kinds += [[self.json_like(depth + 1) for _ in range(self.rng.randint(0, 3))]]
            kinds += [{self.text(): self.json_like(depth + 1) for _ in range(self.rng.randint(0, 3))}]
        return self.rng.choice(kinds)

    def well_known(self, message, depth):
        """True where it is one that not any value fits."""
        name = message.DESCRIPTOR.full_name.removeprefix("google.protobuf.")
        if name == "Timestamp":
            message.seconds = self.integer(-62135596800, 253402300799)
            message.nanos = self.rng.choice([0, 1, 999999999, 500000000, 123000, 1000000])
        elif name == "Duration":
            message.seconds = self.integer(-315576000000, 315576000000)
            nanos = self.rng.choice([0, 1, 999999999, 500000000, 123000])
            message.nanos = -nanos if message.seconds < 0 else nanos
        elif name == "FieldMask":
            message.paths.extend(self.rng.sample(["a", "a_b.c", "foo_bar_baz", "x.y_z"], self.rng.randint(0, 4)))
        elif name == "Struct":
            for _ in range(self.rng.randint(0, 4)):
                message[self.text()] = self.json_like(depth)
        elif name == "ListValue":
            message.extend([self.json_like(depth) for _ in range(self.rng.randint(0, 4))])
        elif name == "Value":
            self.value(message, depth)
        elif name == "Any":
            self.any(message, depth)
        else:
            return False
        return True

    def value(self, message, depth):
        given = self.json_like(depth)
        if given is None:
            message.null_value = 0
        elif isinstance(given, bool):
            message.bool_value = given
        elif isinstance(given, float):
            message.number_value = given
        elif isinstance(given, str):
            message.string_value = given
        elif isinstance(given, list):
            message.list_value.extend(given)
        else:
            message.struct_value.update(given)

    def any(self, message, depth):
        if self.rng.random() < 0.2:
            return
        inner = self.rng.choice(self.schema.everything)()
        if depth < 3:
            self.fill(inner, depth + 1)
        message.Pack(inner)

    def fill(self, message, depth=0):
        if self.well_known(message, depth):
            return message
        for field in message.DESCRIPTOR.fields:
            if self.rng.random() < (0.3 if depth == 0 else 0.5):
                continue
            self.set(message, field, depth)
        return message

    def set(self, message, field, depth):
        many = range(self.rng.choice([0, 1, 2, 3, 12] if depth < 2 else [0, 1]))
        is_message = field.type == FieldDescriptor.TYPE_MESSAGE
        if is_message and depth > 4:
            return
        if is_message and field.message_type.GetOptions().map_entry:
            key, value = field.message_type.fields_by_name["key"], field.message_type.fields_by_name["value"]
            entries = getattr(message, field.name)
            for _ in many:
                if value.type == FieldDescriptor.TYPE_MESSAGE:
                    self.fill(entries[self.scalar(key)], depth + 1)
                else:
                    entries[self.scalar(key)] = self.scalar(value)
        elif field.is_repeated:
            for _ in many:
                if is_message:
                    self.fill(getattr(message, field.name).add(), depth + 1)
                else:
                    getattr(message, field.name).append(self.scalar(field))
        elif is_message:
            getattr(message, field.name).SetInParent()
            self.fill(getattr(message, field.name), depth + 1)
        else:
            setattr(message, field.name, self.scalar(field))
