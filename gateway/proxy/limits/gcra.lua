-- The generic cell rate algorithm for many requests at once, each with one or more policies.
-- KEYS: one for each policy of each request. ARGV[1]: whole numbers; for each request the number of
-- its policies, then for each of these: limit, step, and what the asking gateway knows to be owed,
-- in microseconds. They come and go as one text: cheaper than many arguments.
-- Answers for each request 1 or 0, then what was owed of each policy before. A request takes of
-- all its policies or of none. The time is that of Redis, the same for all gateways.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local said, answer, key, at = {}, {}, 1, 1
for number in string.gmatch(ARGV[1], '%d+') do said[#said + 1] = tonumber(number) end
while at <= #said do
  local count, passed, owed = said[at], 1, {}
  for i = 0, count - 1 do
    local base = at + 1 + i * 3
    local limit, step, known = said[base], said[base + 1], said[base + 2]
    local due = tonumber(redis.call('GET', KEYS[key + i]) or 0) or 0
    -- More than the limit cannot be owed, unless the clock went back.
    owed[i] = math.min(math.max(due - now, known, 0), limit)
    if owed[i] + step > limit then passed = 0 end
  end
  answer[#answer + 1] = passed
  for i = 0, count - 1 do
    local owing = owed[i] + passed * said[at + 2 + i * 3]
    redis.call('SET', KEYS[key + i], string.format('%.0f', now + owing), 'PX', math.ceil(owing / 1000) + 1)
    answer[#answer + 1] = string.format('%.0f', owed[i])
  end
  key, at = key + count, at + 1 + count * 3
end
return table.concat(answer, ' ')
