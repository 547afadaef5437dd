function more(record)
  if not record.key then return "none" end
  local function inner() return "never called" end
  return record.key == "nobody" and inner() or
    "more"
end
