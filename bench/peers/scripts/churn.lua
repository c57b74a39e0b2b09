-- Tables, strings and closures; the order of pairs() is never looked at, so the output is the same each time.
local rounds = tonumber(arg[1])
local sum = 0

local function tree(depth)
  if depth == 0 then return { value = 1 } end
  return { left = tree(depth - 1), right = tree(depth - 1), value = depth }
end

local function count(node)
  if not node.left then return node.value end
  return node.value + count(node.left) + count(node.right)
end

for turn = 1, rounds do
  local words, parts = {}, {}
  for i = 1, 20000 do
    local n = (i * 7919 + turn * 104729) % 1000003
    words["key" .. n] = string.rep("v", n % 50) .. i
    parts[#parts + 1] = "key" .. n
  end
  for i = 1, #parts, 3 do words[parts[i]] = nil end
  table.sort(parts)
  for _, key in ipairs(parts) do
    local word = words[key]
    if word then sum = sum + #word:gsub("vv", "w"):upper() end
  end
  sum = sum + #table.concat(parts, ";") + count(tree(13))
end
print(sum)
