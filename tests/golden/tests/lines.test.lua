local function helper_of_a_test(key) -- its lines are nobody's business
  if key then
    return { topic = "x", key = key, value = {} }
  end
  return nil
end
test "the last branch" { given = helper_of_a_test("k"), expect = { channel = "c" } }
