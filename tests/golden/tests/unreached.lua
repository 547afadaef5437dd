kafka { ["bootstrap.servers"] = "b", ["group.id"] = "g" }
ably { key = "a.b:c" }
topic "dropped" {
  transform = function(_) return nil end,
  channel = function(_) return "c" end,
  push = function(_) return nil end,
}
topic "reached" {
  transform = function(record) return record end,
  channel = function(_) return "c" end,
}
topic "never" { value = "json", channel = "c", transform = function(record) return record end }
test "dropped" { given = { topic = "dropped", value = 1 }, expect = "drop" }
test "reached" { given = { topic = "reached", value = 1 }, expect = { channel = "c" } }
test "unread" { given = { topic = "never", value = "{" }, expect = { fails = "decode" } }
