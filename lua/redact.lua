-- Fields that must not leave the house: removed, or masked.
--
--   local redact = use "redact"
--   topic "orders" { channel = "orders", transform = redact.remove { "card", "user.email" } }
--   topic "people" { channel = "people", transform = redact.mask({ "phone" }, { keep = 4 }) }
--
-- A path names members with dots between them; one that a record has not is no error. `mask` puts an asterisk
-- for each character but the last `keep` (0 unless set); what is no text becomes "***".
local redact = {}

local function steps_of(path)
  local steps = {}
  for step in path:gmatch("[^.]+") do steps[#steps + 1] = step end
  if #steps == 0 then error("redact: an empty path", 4) end
  return steps
end

-- Calls change(holder, name) for each path that the record has.
local function transform_of(paths, change)
  local lists = {}
  for i, path in ipairs(paths) do lists[i] = steps_of(path) end
  return function(record)
    for _, steps in ipairs(lists) do
      local holder = record.value
      for i = 1, #steps - 1 do
        if type(holder) ~= "table" and type(holder) ~= "userdata" then break end
        holder = holder[steps[i]]
      end
      local name = steps[#steps]
      local inside = type(holder) == "table" or (type(holder) == "userdata" and holder ~= kably.null)
      if inside and holder[name] ~= nil then change(holder, name) end
    end
    return record
  end
end

function redact.remove(paths)
  return transform_of(paths, function(holder, name) holder[name] = nil end)
end

function redact.mask(paths, options)
  local keep = options and options.keep or 0
  return transform_of(paths, function(holder, name)
    local text = holder[name]
    if type(text) ~= "string" then
      holder[name] = "***"
      return
    end
    local hidden = math.max(#text - keep, 0)
    holder[name] = ("*"):rep(hidden) .. text:sub(hidden + 1)
  end)
end

return redact
