-- Channels by a table: what a field says decides where a record goes.
--
--   local route = use "route"
--   topic "orders" {
--     channel = route.by("country", { NO = "orders:nordic", SE = "orders:nordic", DE = "orders:dach" }, "orders:world"),
--   }
--
-- The field is a path into the value, with dots between its members. The last argument takes what the table does
-- not know, and the records that have no such field, or null in it; without it those fail.
local route = {}

local function at(value, steps)
  for _, step in ipairs(steps) do
    if type(value) ~= "table" then return nil end
    value = value[step]
  end
  return value
end

function route.by(path, channels, otherwise)
  if type(path) ~= "string" or type(channels) ~= "table" then
    error('route.by: expected the path of a field and a table, such as route.by("country", { NO = "nordic" })', 2)
  end
  local steps = {}
  for step in path:gmatch("[^.]+") do steps[#steps + 1] = step end
  return function(record)
    local value = at(record.value, steps)
    local channel = value ~= nil and channels[value] or otherwise
    if not channel then error("route: no channel for " .. path .. " = " .. tostring(value)) end
    return channel
  end
end

return route
