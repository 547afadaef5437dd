-- Channels by a table: what a field says decides where a record goes.
--
--   local route = use "route"
--   topic "orders" {
--     channel = route.by("country", { NO = "orders:nordic", SE = "orders:nordic", DE = "orders:dach" }, "orders:world"),
--   }
--
-- The field is a path into the value. Without the last argument a record that the table does not know fails.
local route = {}

function route.by(path, channels, otherwise)
  local steps = {}
  for step in path:gmatch("[^.]+") do steps[#steps + 1] = step end
  return function(record)
    local value = record.value
    for _, step in ipairs(steps) do
      if type(value) ~= "table" and type(value) ~= "userdata" then break end
      value = value[step]
    end
    local channel = value ~= nil and channels[value] or otherwise
    if not channel then error("route: no channel for " .. path .. " = " .. tostring(value)) end
    return channel
  end
end

return route
