-- A part of the records, and always the same part: chosen by key, so that a key is seen whole or not at all.
--
--   local sample = use "sample"
--   topic "telemetry" { channel = "telemetry:#{key}", transform = sample.by_key(0.1) }
--
-- Records without a key are chosen by their offset.
local sample = {}

-- FNV-1a, 64 bits, and MurmurHash3's last steps: without them keys that differ in their last digits alone, such as
-- dev-1 to dev-99, lie side by side. Between 0 and 1.
local function position(text)
  local hash = 0xcbf29ce484222325
  for i = 1, #text do hash = (hash ~ text:byte(i)) * 0x100000001b3 end
  hash = (hash ~ hash >> 33) * 0xff51afd7ed558ccd
  hash = (hash ~ hash >> 33) * 0xc4ceb9fe1a85ec53
  return (hash >> 32) / 0x100000000
end

function sample.by_key(share)
  if type(share) ~= "number" or share < 0 or share > 1 then
    error("sample.by_key: expected a share from 0 to 1", 2)
  end
  return function(record)
    local key = record.key
    local text = type(key) == "string" and key or tostring(key ~= nil and key or record.offset)
    return position(text) < share and record or nil
  end
end

return sample
