-- Fields that must not leave the house: removed, or masked.
--
--   local redact = use "redact"
--   topic "orders" { channel = "orders", transform = redact.remove { "card", "user.email", "items.serial" } }
--   topic "people" { channel = "people", transform = redact.mask({ "phone" }, { keep = 4 }) }
--
-- A path names members with dots between them, and goes through every element of a list on its way; one that a
-- record has not is no error. `mask` puts an asterisk for each character but the last `keep` (0 unless set); what
-- is no text becomes "***", a list as a whole.
--
-- Key and headers stay as they are, and so does a value that is no JSON: a text has no members. Where a topic may
-- hold such values, `value = "json"` makes failures of them.
local redact = {}

local function steps_of(path)
  local steps = {}
  for step in path:gmatch("[^.]+") do steps[#steps + 1] = step end
  return steps
end

-- Whatever is no list of names would leave everything in clear.
local function lists_of(who, paths)
  if type(paths) ~= "table" or next(paths) == nil then
    error(who .. ': expected a list of fields, such as { "card", "user.email" }', 3)
  end
  local lists = {}
  for i, path in pairs(paths) do
    if type(i) ~= "number" or type(path) ~= "string" or not path:find("[^.]") then
      error(who .. ": expected the name of a field, got " .. tostring(path), 3)
    end
    lists[#lists + 1] = steps_of(path)
  end
  return lists
end

-- Calls change(holder, name) for each place that the path, from step i on, has within holder.
local function visit(holder, steps, i, change)
  if type(holder) ~= "table" then return end
  if holder[1] ~= nil then
    for _, element in ipairs(holder) do visit(element, steps, i, change) end
  elseif i < #steps then
    visit(holder[steps[i]], steps, i + 1, change)
  elseif holder[steps[i]] ~= nil then
    change(holder, steps[i])
  end
end

local function transform_of(lists, change)
  return function(record)
    for _, steps in ipairs(lists) do visit(record.value, steps, 1, change) end
    return record
  end
end

function redact.remove(paths)
  return transform_of(lists_of("redact.remove", paths), function(holder, name) holder[name] = nil end)
end

-- A text that is no UTF-8 has no characters to count.
local function masked(text, keep)
  local length = type(text) == "string" and utf8.len(text)
  if not length then return "***" end
  local hidden = math.max(length - keep, 0)
  return ("*"):rep(hidden) .. text:sub(utf8.offset(text, hidden + 1))
end

function redact.mask(paths, options)
  if options ~= nil and type(options) ~= "table" then error("redact.mask: expected { keep = N } or nothing", 2) end
  for name in pairs(options or {}) do
    if name ~= "keep" then error("redact.mask: unknown option " .. tostring(name) .. "; expected keep", 2) end
  end
  local keep = options and options.keep or 0
  if math.type(keep) ~= "integer" or keep < 0 then
    error("redact.mask: keep: expected a number of characters, from 0", 2)
  end
  local lists = lists_of("redact.mask", paths)
  return transform_of(lists, function(holder, name) holder[name] = masked(holder[name], keep) end)
end

return redact
