-- One record with a list in it, many messages: one for each element.
--
--   local split = use "split"
--   topic "baskets" { channel = "baskets", transform = split.each("items", function(item, record)
--     return { channel = "item:" .. item.id, data = item }
--   end) }
--
-- Without the function each element is a message to the topic's channel. An element for which it returns nil is
-- left out; a record without the list, or with an empty one, is dropped.
local split = {}

function split.each(name, message_of)
  message_of = message_of or function(item) return { data = item } end
  return function(record)
    local items, messages = record.value[name], {}
    if items == nil or items == kably.null then return nil end
    for _, item in ipairs(items) do messages[#messages + 1] = message_of(item, record) end
    return #messages > 0 and messages or nil
  end
end

return split
