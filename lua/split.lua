-- One record with a list in it, many messages: one for each element.
--
--   local split = use "split"
--   topic "baskets" { channel = "baskets", transform = split.each("items", function(item, record)
--     return { channel = "item:" .. item.id, data = item }
--   end) }
--
-- Without the function each element is a message to the topic's channel. An element for which it returns nil is
-- left out. A tombstone and a record without the list, or with an empty one, are dropped: there is nothing to tell.
-- What is there and can't be split, a value that is no object or a list that is none, is an error of that record.
local split = {}

-- The list of that name, nil where there is none or an empty one.
local function list_of(value, name)
  if value == nil or value == kably.null then return nil end
  if type(value) ~= "table" or value[1] ~= nil then
    error('split: the value is no object, so it has no list "' .. name .. '"')
  end
  local items = value[name]
  if items == nil or items == kably.null then return nil end
  if type(items) == "table" then
    if items[1] ~= nil then return items end
    local is_empty = true
    for _ in pairs(items) do is_empty = false end
    if is_empty then return nil end
  end
  error('split: "' .. name .. '" is no list')
end

function split.each(name, message_of)
  if type(name) ~= "string" or message_of ~= nil and type(message_of) ~= "function" then
    error('split.each: expected the name of a field, and a function or nothing, such as split.each("items")', 2)
  end
  message_of = message_of or function(item) return { data = item } end
  return function(record)
    local items, messages = list_of(record.value, name), {}
    if not items then return nil end
    for _, item in ipairs(items) do messages[#messages + 1] = message_of(item, record) end
    return #messages > 0 and messages or nil
  end
end

return split
