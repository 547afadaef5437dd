-- The words, signs and texts of a Lua text that compiles, for those who look at it without running it (names.lua,
-- lines.lua): returns a list of { kind =, what =, line =, last =, from =, to = }. `kind` is "word" (a name),
-- "keyword", "number", "text" or "sign"; `line` to `last` are its lines, `from` to `to` its bytes. Comments are
-- left out.
local text = ...
local find, sub = string.find, string.sub

local keywords = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then
true until while]]):gmatch("%a+") do
  keywords[word] = true
end

-- Behind a comment or a text that begins at `at`, or nil.
local function behind_long(at)
  local _, open_end, level = find(text, "^%[(=*)%[", at)
  if not open_end then return nil end
  local _, close_end = find(text, "]" .. level .. "]", open_end + 1, true)
  return (close_end or #text) + 1
end

local function behind_quoted(at)
  local quote = sub(text, at, at)
  local to = at + 1
  while to <= #text do
    local c = sub(text, to, to)
    if c == quote then return to + 1 end
    to = to + (c == "\\" and 2 or 1)
  end
  return to
end

local tokens, at, line = {}, 1, 1
while at <= #text do
  local from, first = at, line
  local c = sub(text, at, at)
  local kind
  if find(c, "%s") then
    at = at + 1
  elseif find(text, "^%-%-", at) then
    at = behind_long(at + 2) or (find(text, "\n", at, true) or #text + 1)
  elseif find(c, "[%a_]") then
    at = select(2, find(text, "^[%w_]+", at)) + 1
    kind = keywords[sub(text, from, at - 1)] and "keyword" or "word"
  elseif find(c, "%d") or find(text, "^%.%d", at) then
    at = select(2, find(text, "^[%w_.]+", at)) + 1
    kind = "number"
  elseif c == '"' or c == "'" then
    at = behind_quoted(at)
    kind = "text"
  elseif find(text, "^%[=*%[", at) then
    at = behind_long(at)
    kind = "text"
  else
    local _, to = find(text, "^%.%.%.?", at)
    if not to then _, to = find(text, "^[=~<>]=", at) end
    if not to then _, to = find(text, "^::", at) end
    at = (to or at) + 1
    kind = "sign"
  end
  for _ in sub(text, from, at - 1):gmatch("\n") do line = line + 1 end
  if kind then
    tokens[#tokens + 1] = { kind = kind, what = sub(text, from, at - 1), line = first, last = line, from = from, to = at - 1 }
  end
end
return tokens
