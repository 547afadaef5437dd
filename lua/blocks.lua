-- The block functions of a kably file: kafka { ... }, topic "orders" { ... } and so on.
--
-- A block only notes what was written and where; nothing is checked here. config/blocks.c runs this text
-- before the user's file and turns the notes into plain data after it.
--
--   kinds    { { name = "kafka", named = false }, ... }
--   blocks   receives { kind = , file = , line = , names = , body = } in the file's order
--   where()  file and line of the nearest line of a user's text
--   nearest(word, words)   the word somebody may have meant, or nil
--   globals  the table behind the texts' globals
local kinds, blocks, where, nearest, globals = ...
local error, pairs, setmetatable, sub, type = error, pairs, setmetatable, string.sub, type

local function note(kind, names, body)
  if blocks.closed then error(kind .. " { ... } can't be called once the file is loaded", 3) end
  local file, line = where()
  local block = { kind = kind, file = file, line = line, names = names, body = body }
  blocks[#blocks + 1] = block
  return block
end

for i = 1, #kinds do
  local kind = kinds[i].name
  if kinds[i].named then
    globals[kind] = function(names)
      local block = note(kind, names, nil)
      return function(body)
        block.body = body
      end
    end
  else
    globals[kind] = function(body)
      note(kind, nil, body)
    end
  end
end

-- Records for a test, from a file that only `kably test` reads.
globals.records = function(path)
  local from = where()
  return { records = path, from = from }
end

-- A name that nobody set is a slip of the pen: ably { key = ABLY_KEY }, or topics "orders" { ... }.
local instead = {
  os = 'env("NAME") reads an environment variable',
  io = 'file("PATH") reads a file',
  require = 'use("NAME") loads a module',
  dofile = 'include("PATH") runs another file',
  loadfile = 'include("PATH") runs another file',
}

-- While the file is loaded, a word that stands for nothing may be a secret without its quotes: no more than its first
-- letter is shown, unless it resembles a name of ours. Later it is a word within a function, which people look for.
local function shown(name, hint)
  if blocks.closed or hint then return name end
  return sub(name, 1, 1) .. "..."
end

setmetatable(globals, {
  __metatable = false,
  __index = function(_, name)
    local hint = instead[name]
    if not hint then
      local words = {}
      for word in pairs(globals) do
        if type(word) == "string" then words[#words + 1] = word end
      end
      local near = nearest(name, words)
      hint = near and 'did you mean "' .. near .. '"?'
    end
    error('nothing here has the name "' .. shown(name, hint) .. '"; ' .. (hint or "a text needs quotes"), 2)
  end,
})
