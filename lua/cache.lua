-- kably.cache { size = , ttl = }: what a hook remembers from record to record, bounded in number and in time.
-- script/kably_library.c runs this text once for each state.
--
--   now()     milliseconds, any origin
--   copy(v)   v, a part of a record as tables of one's own
--   caches    receives every cache, and what clears it, so that all of them can be cleared
local now, copy, caches = ...
local error, next, setmetatable, tostring, type = error, next, setmetatable, tostring, type
local math_type, for_ever = math.type, math.huge

local Cache = {}
Cache.__index = Cache
Cache.__metatable = false
Cache.__name = "cache"

-- Everything that is kept lies in four tables: by key its value, end and place, by place its key. The place after
-- the newest is that of the oldest, which makes room for a new key; one that is set again keeps its place.
function Cache:clear()
  self.values, self.ends, self.places, self.keys = {}, {}, {}, {}
  self.newest, self.count = 0, 0
end

-- A file may put something else in its place; between records nothing of a file's runs.
local clear = Cache.clear

-- A number beyond Lua's is another object each time that it is read: its digits are the key.
local function as_key(key)
  if type(key) == "number" and not math_type(key) then return tostring(key) end
  return key
end

function Cache:remove(key)
  key = as_key(key)
  local place = self.places[key]
  if not place then return end
  self.values[key], self.ends[key], self.places[key], self.keys[place] = nil, nil, nil, nil
  self.count = self.count - 1
end

function Cache:get(key)
  key = as_key(key)
  local ends = self.ends[key] -- not the value: a call may have been cut between the two
  if not ends then return nil end
  if ends <= now() then
    self:remove(key)
    return nil
  end
  return self.values[key]
end

local function give_place(self, key)
  local place = self.newest % self.size + 1
  local oldest = self.keys[place]
  if oldest ~= nil then self:remove(oldest) end
  self.places[key], self.keys[place] = place, key
  self.newest, self.count = place, self.count + 1
end

function Cache:set(key, value)
  if key == nil or key ~= key then error("cache:set: a key is no nil and no NaN", 2) end
  if value == nil then return self:remove(key) end
  key, value = as_key(key), copy(value)
  if not self.places[key] then give_place(self, key) end
  self.values[key], self.ends[key] = value, now() + self.ttl_ms
end

-- Was it there already? It is from now on: a filter of repeats in one call.
function Cache:seen(key)
  if self:get(key) ~= nil then return true end
  self:set(key, true)
  return false
end

function Cache:__len() return self.count end

return function(options)
  if type(options) ~= "table" then error("kably.cache: expected { size = , ttl = }", 2) end
  local size, ttl = options.size, options.ttl or for_ever
  if math_type(size) ~= "integer" or size < 1 then
    error("kably.cache: size: expected a whole number of entries from 1", 2)
  end
  if type(ttl) ~= "number" or not (ttl > 0) then error("kably.cache: ttl: expected seconds above 0", 2) end
  for name in next, options do
    if name ~= "size" and name ~= "ttl" then error("kably.cache: " .. tostring(name) .. ": unknown key", 2) end
  end
  local cache = setmetatable({ size = size, ttl_ms = ttl * 1000 }, Cache)
  clear(cache)
  caches[cache] = clear
  return cache
end
