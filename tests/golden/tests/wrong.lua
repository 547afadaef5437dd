kafka { ["bootstrap.servers"] = "b", ["group.id"] = "g" }
ably { key = "a.b:c" }
topic { "orders", "audit" } { channel = "#{topic}:#{key}" }
test "no table" { given = 5, expect = "drop" }
test "unknown key of a record" { given = { valeu = 5 }, expect = "drop" }
test "no expectation" { given = { value = 5 } }
test "unknown class" { given = { value = 5 }, expect = { fails = "mapped" } }
test "a function as data" { given = { value = 5 }, expect = { data = print } }
test "nothing expected" { given = { value = 5 }, expect = {} }
test "no such file" { given = records "nowhere.jsonl", expect = "drop" }
test "no JSON" { given = records "wrong.lua", expect = "drop" }
test "no body"
