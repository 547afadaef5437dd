-- Names in a text that nothing stands for: a slip of the pen inside a function, which runs only when a record
-- comes. config/tests.c asks this of each text after it has run; what it has set itself is known by then.
--
--   text            the text
--   known(name)     is there such a global?
--   report(name, line)
--
-- A name counts as declared where the text declares it anywhere, as a local or a parameter: scopes are not
-- followed, so a slip may be missed, and none is invented.
local text, known, report = ...
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

-- The words, signs and texts, each { kind, what, line }.
local function tokens_of()
  local tokens, at, line = {}, 1, 1
  while at <= #text do
    local from = at
    local c = sub(text, at, at)
    local kind
    if find(c, "%s") then
      at = at + 1
    elseif find(text, "^%-%-", at) then
      at = behind_long(at + 2) or (find(text, "\n", at, true) or #text + 1)
    elseif find(c, "[%a_]") then
      at = select(2, find(text, "^[%w_]+", at)) + 1
      kind = "word"
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
    if kind then tokens[#tokens + 1] = { kind = kind, what = sub(text, from, at - 1), line = line } end
    for _ in sub(text, from, at - 1):gmatch("\n") do line = line + 1 end
  end
  return tokens
end

local tokens, declared, used = tokens_of(), {}, {}
local inside = {} -- "{" or "block", the innermost last
local nothing = { kind = "end", what = "" }

local function token(i) return tokens[i] or nothing end
local function is_name(i) return token(i).kind == "word" and not keywords[token(i).what] end

-- a, b <const>, c
local function declare_list(i)
  while is_name(i) do
    declared[token(i).what] = true
    i = i + 1
    if token(i).what == "<" then -- an attribute
      declared[token(i + 1).what] = true
      i = i + 3
    end
    if token(i).what ~= "," then return end
    i = i + 1
  end
end

local function declare_parameters(i)
  while token(i).what ~= "(" and token(i).kind ~= "end" do i = i + 1 end
  declare_list(i + 1)
end

local opens = { ["function"] = true, ["do"] = true, ["then"] = true, ["repeat"] = true }
local closes = { ["end"] = true, ["until"] = true, ["elseif"] = true }

for i, one in ipairs(tokens) do
  local what, before = one.what, token(i - 1).what
  if one.kind == "sign" or one.kind == "word" and keywords[what] then
    if what == "{" then
      inside[#inside + 1] = "{"
    elseif what == "}" or closes[what] then
      inside[#inside] = nil
    elseif opens[what] then
      inside[#inside + 1] = "block"
    end
    if what == "local" then declare_list(token(i + 1).what == "function" and i + 2 or i + 1) end
    if what == "for" then declare_list(i + 1) end
    if what == "function" then
      declare_parameters(i + 1)
      if find(token(i + 2).what, "^:$") or find(token(i + 4).what, "^:$") then declared.self = true end
    end
  elseif one.kind == "word" then
    local member = before == "." or before == ":" or before == "goto" or before == "::"
    local key = inside[#inside] == "{" and token(i + 1).what == "="
      and (before == "{" or before == "," or before == ";")
    if not member and not key then used[#used + 1] = one end
  end
end

local told = {}
for _, one in ipairs(used) do
  if not declared[one.what] and not told[one.what] and not known(one.what) then
    told[one.what] = true
    report(one.what, one.line)
  end
end
