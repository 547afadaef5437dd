kafka { ["bootstrap.servers"] = "b", ["group.id"] = "g" }
ably { key = "a.b:c" }
registry { url = "http://127.0.0.1:1" }
topic "orders" { key = "avro", value = "protobuf", channel = "user:#{value.userId}", on_error = "skip" }
test "tables stand for what the schema shows" {
  given = { key = { id = 1 }, value = { userId = 7 } },
  expect = { channel = "user:7", data = { userId = 7 }, extras = { kafka = { key = '{"id":1}' } } },
}
test "so do objects in a file of records" {
  given = records "more/framed.jsonl",
  expect = { { channel = "user:7", data = '{"userId":7, "n":1.50}' }, { channel = "user:8", extras = { kafka = { key = "5" } } } },
}
test "bytes need a schema, which nobody has here" { given = { value = "\0\0\0\0\1x" }, expect = { fails = "decode", says = "no registry is asked here" } }
