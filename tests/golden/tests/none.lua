kafka { ["bootstrap.servers"] = "b", ["group.id"] = "g" }
ably { key = "a.b:c" }
topic "orders" { channel = "o" }
