kafka { ["bootstrap.servers"] = "b", ["group.id"] = "g" }
ably { key = "a.b:c" }
topic "t" { channel = "c", value = "json" }
local long = ("grüße "):rep(60)
local same = { a = { b = { c = { 1, { d = "x" } } } }, n = 1.50, big = 9007199254740993, t = true, z = kably.null, e = {} }
test "nested, as it is" { given = { value = same }, expect = { data = same } }
test "deep inside" {
  given = { value = same },
  expect = { data = { a = { b = { c = { 1, { d = "y", more = 1 } } } }, n = 1.5, big = 9007199254740993, t = true, z = kably.null, e = {} } },
}
test "numbers" {
  given = { value = '{"a":1.0,"b":9007199254740993,"c":1e2,"d":0.1,"e":1}' },
  expect = { data = { a = 1, b = 9007199254740992, c = 100, d = 0.10000000000000002, e = "1" } },
}
test "kinds" { given = { value = { a = { 1 }, b = { x = 1 }, c = 0, d = "", e = true } }, expect = { data = { a = { x = 1 }, b = { 1 }, c = false, d = kably.null, e = "true" } } }
test "an array that is too short, one that is too long" { given = { value = { a = { 1, 2 }, b = { 1 } } }, expect = { data = { a = { 1 }, b = { 1, 2 } } } }
test "white space, in a text that is JSON" { given = { value = '{"a": 1, "b":2}' }, expect = { data = '{"a":1, "b":2}' } }
test "another text" { given = { value = '{"a": 1}' }, expect = { data = '{"a": 2}' } }
test "far behind, in a long text" { given = { value = { t = long .. "ä" .. long } }, expect = { data = { t = long .. "ö" .. long } } }
test "at the end of a long text" { given = { value = { t = long } }, expect = { data = { t = long .. "!" } } }
test "text for an object" { given = { value = { a = 1 } }, expect = { data = "a" } }
test "a scalar" { given = { value = "7" }, expect = { data = 7 } }
test "a quoted text" { given = { value = '"x"' }, expect = { data = "y" } }
test "a request, white space alone" {
  given = { value = "1" },
  expect = { request = '[{"channels": ["c"],"messages":[{"id":"t/0/0/AAAAAAAAAAA:0","data":"1","encoding":"json"}]}]' },
}
test "a request that ends too soon" { given = { value = "1" }, expect = { request = '[{"channels":["c"],"messages":[{"id":"t/0/0/AAAAAAAAAAA:0"' } }
