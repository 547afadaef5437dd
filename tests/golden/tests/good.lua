kafka { ["bootstrap.servers"] = "b", ["group.id"] = "g" }
ably { key = "a.b:c" }
defaults { client_id = "kably" }
topic { "orders", "audit" } { channel = "#{topic}:#{key}", null_value = "skip" }
topic "counts" { key = "int32", value = "string", channel = "counts" }
local seen = 0
topic "split" {
  channel = "all",
  transform = function(record)
    seen = seen + 1
    local list = {}
    for i, item in ipairs(record.value.items) do
      list[i] = { channel = "item:" .. item.id, data = item }
    end
    return list
  end,
}
test "a topic is named where there are several" {
  given = { topic = "audit", key = "k", value = "text" },
  expect = { channel = "audit:k", data = "text", client_id = "kably" },
}
test "a null value is skipped" { given = { topic = "orders", key = "k" }, expect = "drop" }
test "empty tables and numbers" {
  given = { topic = "orders", key = "k", value = { a = {}, b = 1.0, c = 9007199254740993 } },
  expect = { data = { a = kably.array {}, b = 1, c = 9007199254740993 } },
}
test "one record, many messages" {
  given = { topic = "split", value = { items = { { id = 1 }, { id = 2 } } } },
  expect = { { channel = "item:1", data = { id = 1 } }, { channel = "item:2", data = { id = 2 } } },
}
test "a list of records" {
  given = { { topic = "orders", key = "a", value = 1 }, { topic = "orders", key = "b", value = 2 } },
  expect = { { channel = "orders:a" }, { channel = "orders:b", data = 2 } },
}
test "the very request" {
  given = { topic = "orders", key = "k", value = "v", offset = 7, partition = 3 },
  expect = {
    request = '[{"channels":["orders:k"],"messages":[{"id":"orders/3/7/AAAAAAAAAAA:0","clientId":"kably",'
      .. '"data":"v","extras":{"kafka":{"key":"k"}}}]}]',
  },
}
