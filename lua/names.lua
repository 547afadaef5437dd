-- Names in a text that nothing stands for: a slip of the pen inside a function, which runs only when a record
-- comes. config/texts.c asks this of each text after it has run; what it has set itself is known by then.
--
--   tokens          the text's, as tokens.lua has them
--   known(name)     is there such a global?
--   report(name, line)
--
-- A name counts as declared where the text declares it anywhere, as a local or a parameter: scopes are not
-- followed, so a slip may be missed, and none is invented.
local tokens, known, report = ...
local find = string.find

local declared, used = { _ENV = true }, {} -- Lua itself declares that one
local inside = {} -- "{" or "block", the innermost last
local nothing = { kind = "end", what = "" }

local function token(i) return tokens[i] or nothing end
local function is_name(i) return token(i).kind == "word" end

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
  if one.kind == "sign" or one.kind == "keyword" then
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
