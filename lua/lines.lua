-- The functions of a text, each with the lines that can run in it: what `kably test` holds against the lines that
-- have run. Lua itself knows the lines of a function, also of one that is never made, if it stands alone: so each is
-- compiled by itself, where what it takes from around it counts as global.
--
--   text              the text
--   tokens            its own, as tokens.lua has them
--   active(function)  the lines of "(...) ... end", from 1, as { [line] = true }; nil where it does not compile
--   report(first, lines)
local text, tokens, active, report = ...
local pairs, sort, sub = pairs, table.sort, string.sub

local opens = { ["function"] = true, ["do"] = true, ["then"] = true, ["repeat"] = true }
local closes = { ["end"] = true, ["until"] = true, ["elseif"] = true }
local closing = { ["end"] = true, [")"] = true, ["}"] = true, ["]"] = true, [","] = true, [";"] = true }

-- Lines that do something: one that only closes what was opened is passed over, and says nothing of a test.
local does = {}
for _, token in ipairs(tokens) do
  if not closing[token.what] or token.kind == "text" then
    for line = token.line, token.last do does[line] = true end
  end
end

-- The line that Lua calls the function's first: of a statement that of its keyword, else that of its parenthesis.
local function first_line(at, open)
  local statement = tokens[at + 1] ~= open and not (tokens[at - 1] and tokens[at - 1].what == "local")
  return statement and tokens[at].line or open.line
end

-- Behind the last line that does something in a function whose `end` is that token: on its own line Lua has the
-- return that stands in no text.
local function last_line(close)
  local at = close - 1
  while closing[tokens[at].what] do at = at - 1 end
  return tokens[at].last
end

local function look_at(at, open, close)
  local lines, last = {}, last_line(close)
  for line in pairs(active(sub(text, open.from, tokens[close].to)) or {}) do
    local real = line + open.line - 1
    if does[real] and real <= last then lines[#lines + 1] = real end
  end
  sort(lines)
  if #lines > 0 then report(first_line(at, open), lines) end
end

local function parenthesis_behind(at)
  while tokens[at].what ~= "(" do at = at + 1 end
  return tokens[at]
end

local inside = {} -- the places of the words that opened a block, the innermost last
for i, token in ipairs(tokens) do
  if token.kind == "keyword" then
    if closes[token.what] then
      local opened = inside[#inside]
      inside[#inside] = nil
      if tokens[opened].what == "function" then look_at(opened, parenthesis_behind(opened), i) end
    end
    if opens[token.what] then inside[#inside + 1] = i end
  end
end
