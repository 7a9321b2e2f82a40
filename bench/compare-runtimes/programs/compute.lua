-- Tables, strings, closures and floating point.
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
local seed, words, keys = 7, {}, {}
for i = 1, 1000000 do
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    local word = "w" .. seed % 3000
    if not words[word] then keys[#keys + 1] = word end
    words[word] = (words[word] or 0) + #word
end
table.sort(keys, function(a, b) if words[a] ~= words[b] then return words[a] > words[b] end return a < b end)
local sum = 0.0
for i = 1, 8000000 do sum = sum + (i % 7) * 0.5 end
local text = table.concat(keys, " ", 1, 1000):gsub("%d(%d)", "<%1>")
print(keys[1], words[keys[1]], #text, sum, fib(30))
