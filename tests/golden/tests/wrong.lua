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
test "half an offset" { given = { key = "k", offset = 1.5 }, expect = "drop" }
test "no such partition" { given = { key = "k", partition = -1 }, expect = "drop" }
test "a header that is a number" { given = { key = "k", headers = { n = 1 } }, expect = "drop" }
test "a header that is a table" { given = { key = "k", headers = { { "n", {} } } }, expect = "drop" }
test "a header without a name" { given = { key = "k", headers = { "n" } }, expect = "drop" }
test "a header of null" { given = { key = "k", headers = { n = kably.null } }, expect = "drop" }
test "a captured record's partition" { given = records "broken.jsonl", expect = "drop" }
