local seed, words, count = 7, {}, {}
local function rnd(n) seed = (seed * 1103515245 + 12345) % 2147483648; return seed // 65536 % n end
for i = 1, 60000 do
  local letters = {}
  for j = 1, 1 + rnd(9) do letters[j] = string.char(97 + rnd(8)) end
  words[i] = table.concat(letters)
  count[words[i]] = (count[words[i]] or 0) + 1
end
local keys = {}
for word in pairs(count) do keys[#keys + 1] = word end
table.sort(keys)
for i = 1, #keys, 997 do print(keys[i], count[keys[i]]) end
local text = table.concat(words, " ")
print(#text, #text:gsub("a", "<a>"), #text:rep(20))
for i = 1, 20 do local t = {}; for j = 1, 10000 do t[j] = {j, tostring(j)} end end
collectgarbage()
print(select("#", table.unpack(words, 1, 200)))
