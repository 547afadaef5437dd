test "captured records" {
  given = records "captured.jsonl",
  expect = {
    { channel = "user:1", data = '{"userId":1,  "x":2.50}', id = "orders/0/3/2U-kqQZ9wMQ:0" },
    { channel = "user:2", extras = { headers = { a = "1" } } },
  },
}
test "too few messages" { given = records "captured.jsonl", expect = { channel = "user:1" } }
test "another class" { given = { value = { a = 1 } }, expect = { fails = "decode" } }
test "another reason" { given = { value = { a = 1 } }, expect = { fails = "mapping", says = "city" } }
test "too large" { given = { value = { userId = 1, text = ("x"):rep(70000) } }, expect = { fails = "message" } }
test "a topic that nobody takes" { given = { topic = "other", value = 1 }, expect = "drop" }
test "a tombstone" { given = { key = "k" }, expect = { fails = "hook" } }
