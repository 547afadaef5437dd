-- five mistakes
kafka {
  ["bootstrap.servers"] = "localhost:9092",
  ["group.id"] = "g",
  ["fetch.wait.max.mss"] = 3,
}

ably { key = "app.id:secret",
  port = 700000 }

publish {
  linger_ms = "soon",
}

topic "orders" {
  -- chanel = "no"
  value = "jsn",
  chanel = "orders",
}
topic "b" { channel = "x:#{value.a",
  on_error = { decode = "dql", foo = 1 } }
topic "c" { channel = ":x", on_error = "dlq", name = function() end, transform = function() end }
topic "d"
topic { channel = "a" } {channel="x"}
topic "^a((" { channel = "x" }
registry { url = "x" }
kafka {}
