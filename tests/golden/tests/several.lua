kafka { ["bootstrap.servers"] = "b", ["group.id"] = "g" }
ably { key = "a.b:c" }
local known = kably.cache { size = 10 }
topic "t" {
  channel = "c", value = "json",
  transform = function(record)
    if record.value.bad then error("bad " .. record.value.bad) end
    if record.value.hidden or known:seen(record.offset) then return nil end
    return record
  end,
}
test "a cache is empty where a test begins" { given = { value = { a = 1 } }, expect = { channel = "c" } }
test "a cache is empty where the next begins" { given = { value = { a = 1 } }, expect = { channel = "c" } }
test "within a test it remembers" { given = { { value = { a = 1 }, offset = 1 }, { value = { a = 2 }, offset = 1 } }, expect = { data = { a = 1 } } }
test "a request that a record is missing from" {
  given = { { value = '{"a":1}' }, { value = { bad = 1 } } },
  expect = { request = '[{"channels":["c"],"messages":[{"id":"t/0/0/AAAAAAAAAAA:0","data":"{\\"a\\":1}","encoding":"json"}]}]' },
}
test "no request of a failure" { given = { value = { bad = 1 } }, expect = { request = "[]" } }
test "a request of nothing" {
  given = { value = { hidden = true } }, expect = { request = "[]" },
}
test "of two failures both count, the class" {
  given = { { value = "{" }, { value = { bad = 1 } } }, expect = { fails = "hook" },
}
test "of two failures both count, the reason" {
  given = { { value = { bad = 1 } }, { value = { bad = 2 } } }, expect = { fails = "hook", says = "bad 2" },
}
test "both as expected" {
  given = { { value = { bad = 1 } }, { value = { bad = 2 } } }, expect = { fails = "hook", says = "bad" },
}
test "one of two fails" { given = { { value = { bad = 1 } }, { value = { a = 1 } }, { value = { hidden = 1 } } }, expect = { fails = "hook" } }
test "no extras" { given = { value = { a = 1 } }, expect = { extras = {} } }
test "no extras, but there are some" { given = { key = "k", value = { a = 1 } }, expect = { extras = {} } }
test "extras that are a list" { given = { key = "k", value = { a = 1 } }, expect = { extras = kably.array { "kafka" } } }
