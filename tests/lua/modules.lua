-- The modules of lua/, each by what it says of itself. Run by tests/e2e/test_test.py with `kably test`.
kafka { ["bootstrap.servers"] = "localhost:9092", ["group.id"] = "g" }
ably { key = env "ABLY_API_KEY" }

local debezium = use "debezium"
local redact = use "redact"
local route = use "route"
local sample = use "sample"
local split = use "split"

topic "rows" { channel = "rows:#{key.id}", transform = debezium.unwrap() }
topic "rows-null" { channel = "rows", transform = debezium.unwrap { deletes = "null", operation = "_op" } }
topic "rows-before" { channel = "rows", transform = debezium.unwrap { deletes = "before", operation = "_op" } }

test "debezium: a created row" {
  given = { topic = "rows", key = { id = 7 }, value = { op = "c", before = kably.null, after = { id = 7, n = 1.5 } } },
  expect = { channel = "rows:7", data = { id = 7, n = 1.5 } },
}
test "debezium: an event inside its schema" {
  given = {
    topic = "rows", key = { id = 7 },
    value = { schema = { type = "struct" }, payload = { op = "u", before = { id = 7 }, after = { id = 7, a = {} } } },
  },
  expect = { data = { id = 7, a = {} } },
}
test "debezium: a delete and its tombstone are dropped" {
  given = {
    { topic = "rows", key = { id = 7 }, value = { op = "d", before = { id = 7 }, after = kably.null } },
    { topic = "rows", key = { id = 7 } },
  },
  expect = "drop",
}
test "debezium: a delete as a message without data" {
  given = { topic = "rows-null", value = { op = "d", before = { id = 7 } } },
  expect = { channel = "rows", data = kably.null },
}
test "debezium: the operation in a field" {
  given = {
    { topic = "rows-null", value = { op = "r", after = { id = 7 } } },
    { topic = "rows-before", value = { op = "d", before = { id = 8 } } },
  },
  expect = { { data = { id = 7, _op = "r" } }, { data = { id = 8, _op = "d" } } },
}
test "debezium: what is no change event fails" {
  given = { topic = "rows", key = { id = 1 }, value = { id = 1 } },
  expect = { fails = "hook", says = "no change event" },
}
topic "keyed" { channel = "#{topic}:#{key.id}", transform = debezium.unwrap { operation = "_op" } }

test "debezium: a key inside its schema" {
  given = {
    { topic = "keyed", key = { schema = { type = "struct" }, payload = { id = 7 } },
      value = { schema = { type = "struct" }, payload = { op = "c", after = { id = 7 } } } },
    { topic = "keyed", key = { id = 8, payload = 5 }, value = { op = "c", after = { id = 8 } } },
  },
  expect = { { channel = "keyed:7" }, { channel = "keyed:8" } },
}
test "debezium: a null inside its schema is the tombstone" {
  given = { topic = "keyed", key = { id = 7 }, value = '{"schema":null,"payload":null}' }, expect = "drop",
}
test "debezium: a truncated table has no row to tell of" {
  given = {
    { topic = "rows-null", value = { op = "t", source = { table = "x" } } },
    { topic = "rows-before", value = '{"op":"t","before":null,"after":null}' },
  },
  expect = "drop",
}
test "debezium: a delete that lacks the row before it fails" {
  given = {
    { topic = "rows-before", value = '{"op":"d","before":null,"after":null}' },
    { topic = "rows-before", value = { op = "d" } },
  },
  expect = { fails = "hook", says = 'no row in "before"' },
}
test "debezium: a change without its row fails" {
  given = {
    { topic = "keyed", key = { id = 1 }, value = '{"op":"u","before":null,"after":null}' },
    { topic = "rows", key = { id = 1 }, value = { op = "c" } },
  },
  expect = { fails = "hook", says = 'no row in "after"' },
}
test "debezium: an operation of no row fails" {
  given = { topic = "rows", key = { id = 1 }, value = { op = "m", message = { prefix = "p" } } },
  expect = { fails = "hook", says = 'unknown operation "m"' },
}
test "debezium: a row that is a text, as MongoDB's, has no field for the operation" {
  given = { topic = "keyed", key = { id = 1 }, value = { op = "c", after = '{"_id":1}' } },
  expect = { fails = "hook", says = "is a string" },
}
test "debezium: what is no object fails" {
  given = { { topic = "rows", key = { id = 1 }, value = "text" }, { topic = "rows", key = { id = 1 }, value = "[1]" } },
  expect = { fails = "hook", says = "no change event" },
}

topic "removed" { channel = "c", transform = redact.remove { "card", "user.email", "user.address.street" } }
topic "masked" { channel = "c", transform = redact.mask({ "card", "n" }, { keep = 4 }) }

test "redact: fields are removed at any depth, and only those" {
  given = { topic = "removed", value = '{"id":1.50, "card":"x","user":{"email":"e","name":"n","address":null}}' },
  expect = { data = { id = 1.5, user = { name = "n", address = kably.null } } },
}
test "redact: a record without them passes byte for byte" {
  given = { topic = "removed", value = '{"id" : 1.50}' },
  expect = { data = '{"id" : 1.50}' },
}
test "redact: masked but for the end" {
  given = { topic = "masked", value = { card = "1234567890", n = 5 } },
  expect = { data = { card = "******7890", n = "***" } },
}
test "redact: a short text is all end" {
  given = { topic = "masked", value = { card = "123" } },
  expect = { data = { card = "123" } },
}
test "redact: null, a text or a number on the way ends the path" {
  given = {
    { topic = "removed", value = '{"user" : null}' },
    { topic = "removed", value = '{"user" : "x"}' },
    { topic = "removed", value = '{"user":{"address" : 5}}' },
    { topic = "removed", value = "null" },
    { topic = "removed", value = "no JSON" },
    { topic = "removed", key = "k" },
  },
  expect = {
    { data = '{"user" : null}' }, { data = '{"user" : "x"}' }, { data = '{"user":{"address" : 5}}' },
    { channel = "c" }, { data = "no JSON" }, { data = kably.null },
  },
}
test "redact: a path goes through every element of a list" {
  given = {
    { topic = "removed", value = '{"user":[{"email":"e","n":1},null,"x",[{"email":"f"}],{"address":[{"street":"s"}]}]}' },
    { topic = "removed", value = '[{"card":"c","id":1},{"card":"d"}]' },
    { topic = "masked", value = '[{"card":"123456"},{"card":null}]' },
  },
  expect = {
    { data = '{"user":[{"n":1},null,"x",[{}],{"address":[{}]}]}' },
    { data = { { id = 1 }, kably.object {} } },
    { data = { { card = "**3456" }, { card = "***" } } },
  },
}
test "redact: characters are masked, not bytes" {
  given = {
    { topic = "masked", value = { card = "\u{17B}\u{F3}\u{142}\u{107}" } },
    { topic = "masked", value = { card = "12\u{17B}\u{F3}\u{142}\u{107}" } },
  },
  expect = { { data = { card = "\u{17B}\u{F3}\u{142}\u{107}" } }, { data = { card = "**\u{17B}\u{F3}\u{142}\u{107}" } } },
}

topic "routed" {
  channel = route.by("to.country", { NO = "orders:nordic", DE = "orders:dach" }, "orders:world"),
}
topic "strict" { channel = route.by("country", { NO = "nordic" }) }

test "route: by a table" {
  given = {
    { topic = "routed", value = { to = { country = "NO" } } },
    { topic = "routed", value = { to = { country = "XX" } } },
    { topic = "routed", value = { to = 5 } },
  },
  expect = { { channel = "orders:nordic" }, { channel = "orders:world" }, { channel = "orders:world" } },
}
test "route: a value that the table lacks fails" {
  given = { topic = "strict", value = { country = "FR" } },
  expect = { fails = "hook", says = "country = FR" },
}
test "route: a path that leads nowhere goes to the rest" {
  given = {
    { topic = "routed", value = { to = "NO" } },
    { topic = "routed", value = { to = kably.null } },
    { topic = "routed", value = { to = { country = kably.null } } },
    { topic = "routed", value = { to = { country = { "NO" } } } },
    { topic = "routed", value = "NO" },
    { topic = "routed", key = "k" },
  },
  expect = {
    { channel = "orders:world" }, { channel = "orders:world" }, { channel = "orders:world" },
    { channel = "orders:world" }, { channel = "orders:world" }, { channel = "orders:world" },
  },
}
test "route: without a rest it fails" {
  given = { { topic = "strict", value = "NO" }, { topic = "strict", value = { id = 1 } }, { topic = "strict", key = "k" } },
  expect = { fails = "hook", says = "no channel for country = nil" },
}

topic "all" { channel = "c", transform = sample.by_key(1) }
topic "none" { channel = "c", transform = sample.by_key(0) }
topic "half" { channel = "c", transform = sample.by_key(0.5) }

test "sample: all" { given = { topic = "all", key = "k", value = 1 }, expect = { channel = "c" } }
test "sample: none" { given = { topic = "none", key = "k", value = 1 }, expect = "drop" }
test "sample: the same key each time" {
  given = { { topic = "half", key = "key4", value = 1 }, { topic = "half", key = "key4", value = 2 } },
  expect = { { data = 1 }, { data = 2 } },
}

-- Of keys that differ in their last digits alone the share is right too: of a thousand devices all but 60 to 140.
local tenth = sample.by_key(0.1)
topic "devices" {
  channel = "devices",
  transform = function(record)
    local kept = 0
    for i = 1, 1000 do
      if tenth { key = "dev-" .. i } then kept = kept + 1 end
    end
    return { data = { near = kept > 60 and kept < 140, kept = kept > 60 and kept < 140 and kably.null or kept } }
  end,
}
test "sample: keys that are alike" {
  given = { topic = "devices", value = 1 }, expect = { data = { near = true, kept = kably.null } },
}

topic "baskets" { channel = "baskets", transform = split.each "items" }
topic "named" {
  channel = "baskets",
  transform = split.each("items", function(item, record)
    if item.id == 0 then return nil end
    return { channel = "item:" .. item.id, data = { basket = record.value.id, n = item.n } }
  end),
}

test "split: a message for each element" {
  given = { topic = "baskets", value = { items = { { a = 1 }, "two", 3 } } },
  expect = { { channel = "baskets", data = { a = 1 } }, { data = "two" }, { data = 3 } },
}
test "split: nothing of nothing" {
  given = {
    { topic = "baskets", value = { id = 1 } },
    { topic = "baskets", value = { items = kably.null } },
    { topic = "baskets", value = { items = kably.array {} } },
    { topic = "baskets", key = "k" },
    { topic = "baskets", value = kably.null },
  },
  expect = "drop",
}
test "split: what the function makes of them" {
  given = { topic = "named", value = { id = 9, items = { { id = 0 }, { id = 4, n = 2 } } } },
  expect = { { channel = "item:4", data = { basket = 9, n = 2 } } },
}
test "split: what is no list is not lost" {
  given = { { topic = "baskets", value = { items = "abc" } }, { topic = "baskets", value = { items = { a = 1 } } } },
  expect = { fails = "hook", says = '"items" is no list' },
}
test "split: what has no members is not lost" {
  given = { { topic = "baskets", value = "a text" }, { topic = "baskets", value = "[1]" }, { topic = "baskets", value = "7" } },
  expect = { fails = "hook", says = "the value is no object" },
}

-- What would leave a field in clear, or be passed over, is refused while the file is loaded.
local function refused(says, call, ...)
  local ok, why = pcall(call, ...)
  assert(not ok and why:find(says, 1, true), says)
end
refused("redact.mask: expected a list of fields", redact.mask, "card")
refused("redact.mask: expected a list of fields", redact.mask, {})
refused("redact.mask: expected the name of a field, got true", redact.mask, { card = true })
refused("redact.remove: expected a list of fields", redact.remove, "card")
refused("redact.remove: expected the name of a field, got 7", redact.remove, { "card", 7 })
refused("redact.remove: expected the name of a field, got .", redact.remove, { "." })
refused("redact.mask: unknown option kep; expected keep", redact.mask, { "card" }, { kep = 4 })
refused("redact.mask: expected { keep = N } or nothing", redact.mask, { "card" }, 4)
refused("debezium.unwrap: expected a table of options or nothing", debezium.unwrap, "drop")
refused("debezium.unwrap: unknown option deltes", debezium.unwrap, { deltes = "null" })
refused("route.by: expected the path of a field and a table", route.by, { NO = "nordic" })
refused("route.by: expected the path of a field and a table", route.by, "country", "nordic")
refused("split.each: expected the name of a field", split.each)
refused("split.each: expected the name of a field", split.each, "items", {})
