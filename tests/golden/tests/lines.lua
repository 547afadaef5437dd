kafka { ["bootstrap.servers"] = "b", ["group.id"] = "g" }
ably { key = "a.b:c" }
include "more/lines.lua"
local function size(x)
  if x > 1 then
    return "big"
  else
    return "small" -- a comment with function() words
  end
end
local function never(
  a,
  b)
  local t = { [[a text
    of two lines and an end]], "end" }

  for i = 1, 3 do
    t[i] = a
      + b
  end
  return t
end
local object = {}
function object:method(n)
  local ok = pcall(function()
    if n == 5 then
      error("five")
    end
    return n
  end)
  while n > 0 do
    n = n - 1
    if n == 1 then break end
  end
  repeat n = n + 1 until n > 2
  return ok and never
end
topic "x" {
  channel = function(record)
    local value = record.value
    if value.a then
      return size(value.a)
    elseif value.loop then
      while true do end
    elseif value.b then
      object:method(2)
      return "b" end
    return "c"
  end,
  push = function() return nil end, name = "n",
}
topic "y" { channel = function(record) return "y" .. record.key end }
topic "z" { channel = function(...) return more((...)) end }
test "small" { given = { topic = "x", value = { a = 1 } }, expect = { channel = "small" } }
test "b" { given = { topic = "x", value = { b = 1 } }, expect = { channel = "b" } }
test "a runaway" { given = { topic = "x", value = { loop = 1 } }, expect = { fails = "hook", says = "lines.lua:44: still running after 50 ms" } }
test "from another file" { given = { topic = "z", key = "k" }, expect = { channel = "more" } }
