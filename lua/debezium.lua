-- Debezium's change events, unwrapped: the message is the row as it is after the change.
--
--   local debezium = use "debezium"
--   topic "^shop\\..*" { channel = "#{topic}:#{key.id}", transform = debezium.unwrap { deletes = "null" } }
--
-- deletes   what a deleted row becomes: "drop" (unless set), "null" (a message without data) or "before"
--           (the row as it was, which the database has to log: PostgreSQL's REPLICA IDENTITY FULL)
-- operation the name of a field that takes what happened: "c" created, "u" updated, "d" deleted, "r" read
--
-- Events and keys come with or without their schema around them; both leave without. The tombstone behind a
-- delete is dropped: the delete has told it. So is the truncation of a table ("t"): it has neither key nor row. A
-- record that is no change event is an error of that record, as is one without the row that it should have.
local debezium = {}

local deletes_known = { drop = true, null = true, before = true }
local operations_known = { c = true, u = true, d = true, r = true }

-- Without the schema around it, and whether there was one.
local function bare(value)
  if type(value) ~= "table" or value.schema == nil or value.payload == nil then return value, false end
  return value.payload, true
end

local function row_of(event, side, operation)
  local row = kably.copy(event[side])
  if row == nil or row == kably.null then
    error(('debezium: op = "%s", but no row in "%s"'):format(event.op, side))
  end
  if operation then
    if type(row) ~= "table" then
      error(('debezium: the row in "%s" is a %s; operation = "%s" needs an object'):format(side, type(row), operation))
    end
    row[operation] = event.op
  end
  return row
end

function debezium.unwrap(options)
  options = options or {}
  if type(options) ~= "table" then
    error("debezium.unwrap: expected a table of options or nothing, as in transform = debezium.unwrap()", 2)
  end
  for name in pairs(options) do
    if name ~= "deletes" and name ~= "operation" then
      error("debezium.unwrap: unknown option " .. tostring(name) .. "; expected deletes, operation", 2)
    end
  end
  local deletes, operation = options.deletes or "drop", options.operation
  if not deletes_known[deletes] then
    error('debezium.unwrap: deletes = "' .. tostring(deletes) .. '"; expected "drop", "null" or "before"', 2)
  end
  return function(record)
    local event = bare(record.value)
    if event == nil or event == kably.null then return nil end
    local op = type(event) == "table" and event.op or nil
    if op == nil then error("debezium: no change event: it has no field op") end
    if op == "t" or op == "d" and deletes == "drop" then return nil end
    if not operations_known[op] then error(('debezium: unknown operation "%s"'):format(tostring(op))) end
    local key, had_schema = bare(record.key)
    if had_schema then record.key = key end
    if op == "d" and deletes == "null" then
      record.value = nil
    else
      record.value = row_of(event, op == "d" and "before" or "after", operation)
    end
    return record
  end
end

return debezium
