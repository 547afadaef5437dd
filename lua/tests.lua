-- The test blocks of a kably file, as plain data: test "name" { given = ..., expect = ... }.
--
-- config/tests_prepare.c runs this text after the user's file; what it makes of the bodies, config/tests.c takes
-- over. Values become JSON texts here; what is wrong with a block is noted, and the others go on.
--
--   tests      the notes of the test blocks: { file = , line = , names = , body = }
--   json       json(value) -> text, raises what has no JSON
--   read       read(path, from) -> the records of a file named in `from`
--   null       kably.null
--   problems   receives { note = , text = }
local tests, json, read, null, problems = ...
local error, ipairs, math_type, next, pairs, pcall, sort, tostring, type =
  error, ipairs, math.type, next, pairs, pcall, table.sort, tostring, type

local record_keys = {
  topic = "string", partition = "whole number", offset = "whole number", timestamp = "number of milliseconds",
  key = "any", value = "any", headers = "table",
}
-- What read() gives beside: were these no texts in the file?
local captured_keys = { key_structured = "boolean", value_structured = "boolean" }
for key, kind in pairs(record_keys) do captured_keys[key] = kind end
local message_keys = {
  channel = "string", name = "string", data = "any", client_id = "string", encoding = "string", id = "string",
  extras = "table",
}

local function is_a(kind, value)
  if kind == "whole number" then return math_type(value) == "integer" and value >= 0 end
  if kind == "number of milliseconds" then return math_type(value) == "integer" end
  return kind == "any" or type(value) == kind
end

-- What stands there instead, as somebody finds it again.
local function shown(value)
  return type(value) == "number" and tostring(value) or "a " .. type(value)
end

local function check_keys(what, given, allowed)
  for key, value in pairs(given) do
    local wanted = allowed[key]
    if not wanted then
      local words = {}
      for word in pairs(allowed) do words[#words + 1] = word end
      sort(words)
      error(what .. ": unknown key " .. tostring(key) .. "; expected " .. table.concat(words, ", "), 0)
    end
    if not is_a(wanted, value) then
      error(what .. "." .. key .. ": expected a " .. wanted .. ", got " .. shown(value), 0)
    end
  end
end

-- The bytes of a key or value, and whether they stand for something that was structured.
local function bytes_of(value)
  if value == nil then return nil, false end
  if type(value) == "string" then return value, false end
  return json(value), true
end

-- A header has a text, or Kafka's null.
local function header(what, name, value)
  if type(name) ~= "string" then error(what .. ".headers: expected a name, got " .. shown(name), 0) end
  if value == null then value = nil end
  if value ~= nil and type(value) ~= "string" then
    error(what .. ".headers." .. name .. ": expected a text or kably.null, got " .. shown(value), 0)
  end
  return { name, value }
end

-- { NAME = "text" }, or { { "NAME", "text" }, ... } where the order or a repetition counts.
local function header_list(what, headers)
  local list = {}
  for name, value in pairs(headers or {}) do
    local pair = { name, value }
    if type(name) == "number" then pair = value end
    if type(pair) ~= "table" then error(what .. '.headers: expected { "NAME", "text" }, got ' .. shown(pair), 0) end
    list[#list + 1] = header(what, pair[1], pair[2])
  end
  if not (headers and headers[1]) then sort(list, function(a, b) return a[1] < b[1] end) end
  return list
end

local function record_of(what, given, keys)
  if type(given) ~= "table" then error(what .. ": expected a record, { value = ..., ... }, got a " .. type(given), 0) end
  check_keys(what, given, keys)
  local record = {
    topic = given.topic, partition = given.partition or 0, offset = given.offset,
    timestamp = given.timestamp or 0, headers = header_list(what, given.headers),
  }
  record.key, record.key_structured = bytes_of(given.key)
  record.value, record.value_structured = bytes_of(given.value)
  record.key_structured = record.key_structured or given.key_structured
  record.value_structured = record.value_structured or given.value_structured
  return record
end

local function records_of(given)
  if type(given) ~= "table" then
    error("given: expected a record, { value = ..., ... }, or a list of them, got a " .. type(given), 0)
  end
  local keys = record_keys
  if given.records then
    given, keys = read(given.records, given.from), captured_keys
  end
  if given[1] == nil then return { record_of("given", given, keys) } end
  local list = {}
  for i, one in ipairs(given) do list[i] = record_of("given[" .. i .. "]", one, keys) end
  return list
end

local function message_of(what, message)
  if type(message) ~= "table" then error(what .. ": expected a message, got a " .. type(message), 0) end
  if next(message) == nil then error(what .. ": expects nothing of the message; expected channel, data, ...", 0) end
  check_keys(what, message, message_keys)
  return json(message)
end

local function expectation_of(expect)
  if expect == "drop" then return { kind = "drop" } end
  if type(expect) ~= "table" then
    error('expect: expected a message, a list of them, "drop", { fails = CLASS } or { request = TEXT }, got '
      .. (type(expect) == "string" and '"' .. expect .. '"' or type(expect)), 0)
  end
  if expect.fails then
    check_keys("expect", expect, { fails = "string", says = "string" })
    return { kind = "fails", class = expect.fails, says = expect.says }
  end
  if expect.request then
    check_keys("expect", expect, { request = "string" })
    return { kind = "request", request = expect.request }
  end
  local messages = {}
  if expect[1] == nil then
    messages[1] = message_of("expect", expect)
  else
    for i, message in ipairs(expect) do messages[i] = message_of("expect[" .. i .. "]", message) end
  end
  return { kind = "messages", messages = messages }
end

local function plain(body)
  if type(body) ~= "table" then error('expected test "name" { given = ..., expect = ... }', 0) end
  check_keys("test", body, { given = "any", expect = "any" })
  return { given = records_of(body.given), expect = expectation_of(body.expect) }
end

for _, note in ipairs(tests) do
  local ok, made = pcall(plain, note.body)
  note.body = ok and made or nil
  if not ok then
    local text = tostring(made):gsub("^kably:%d+: ", "")
    problems[#problems + 1] = { note = note, text = text }
  end
end
