-- Debezium's change events, unwrapped: the message is the row as it is after the change.
--
--   local debezium = use "debezium"
--   topic "^shop\\..*" { channel = "#{topic}:#{key.id}", transform = debezium.unwrap { deletes = "null" } }
--
-- deletes   what a deleted row becomes: "drop" (unless set), "null" (a message without data) or "before"
--           (the row as it was)
-- operation the name of a field that takes what happened: "c" created, "u" updated, "d" deleted, "r" read
--
-- Events come with or without their schema around them. The tombstone behind a delete is dropped: the delete
-- has told it. A record that is no change event is an error of that record.
local debezium = {}

local deletes_known = { drop = true, null = true, before = true }

function debezium.unwrap(options)
  options = options or {}
  local deletes, operation = options.deletes or "drop", options.operation
  if not deletes_known[deletes] then
    error('debezium.unwrap: deletes = "' .. tostring(deletes) .. '"; expected "drop", "null" or "before"', 2)
  end
  return function(record)
    local event = record.value
    if event == nil or event == kably.null then return nil end
    if event.payload ~= nil and event.schema ~= nil then event = event.payload end
    local op = event.op
    if op == nil then error("debezium: no change event: it has no field op") end
    if op == "d" then
      if deletes == "drop" then return nil end
      if deletes == "null" then
        record.value = nil
        return record
      end
    end
    local row = kably.copy(op == "d" and event.before or event.after)
    if operation then row[operation] = op end
    record.value = row
    return record
  end
end

return debezium
