kafka { ["bootstrap.servers"] = env("KAFKA_BOOTSTRAP", "localhost:9092"), ["group.id"] = "g" }
ably { key = env "NO_SUCH_KEY" }
topic "orders" {
  channel = "user:#{value.userId}", name = "#{topic}", on_error = "dlq",
  transform = function(record)
    if record.value.internal then return nil end
    record.value.card = nil
    return record
  end,
}
dead_letter { topic = "d" }
test "an order reaches its user" {
  given  = { topic = "orders", key = "k1", value = { userId = 7, text = "hi", card = "x" } },
  expect = { channel = "user:7", name = "orders", data = { userId = 7, text = "hi" } },
}
test "internal" { given = { value = { internal = true, userId = 1 } }, expect = "drop" }
test "no user" { given = { value = { a = 1 } }, expect = { fails = "mapping", says = "userId" } }
test "wrong" { given = { value = { userId = 7, a = { 1, 2.0, 3 }, b = "x" } }, expect = { channel = "user:8", data = { userId = 7, a = { 1, 2, 4 }, c = kably.null }, extras = { kafka = { key = "k" } } } }
test "wrong drop" { given = { value = { userId = 7 } }, expect = "drop" }
test "request" { given = { key = "k", value = '{"userId":7}', headers = { trace = "x" } }, expect = { request = 'no' } }
