-- GET of a document at random, then a PUT on the condition that it is still as that answer said; a conflict is counted
-- and not tried again. Some connection sends the PUT, not always the one that has read.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "report.lua")

-- What was read and is still to be written, first come, first served.
local read, first, last = {}, 1, 0
local gets = {}
local headers = {["Content-Type"] = "application/json"}
local body = '"text":"' .. string.rep("x", 80) .. '"}'

function request()
  if first <= last then
    local put = read[first]
    read[first] = nil
    first = first + 1
    return wrk.format("PUT", "/load/_doc/" .. put.id .. "?if_primary_term=" .. put.term .. "&if_seq_no=" .. put.seq_no,
      headers, '{"n":' .. put.n + 1 .. "," .. body)
  end
  local id = random_id()
  local text = gets[id]
  if not text then
    text = wrk.format("GET", "/load/_doc/" .. id)
    gets[id] = text
  end
  return text
end

function response(status, _, text)
  if status == 409 then
    conflicts = conflicts + 1
  elseif status ~= 200 then
    unexpected = unexpected + 1
  elseif text:find('"result":"updated"', 1, true) then
    applied = applied + 1
  else
    local id, seq_no, term = text:match('"_id":"(%d+)","_version":%d+,"_seq_no":(%d+),"_primary_term":(%d+)')
    -- A strategy that stores nothing shows no source.
    if id then
      last = last + 1
      read[last] = {id = id, seq_no = seq_no, term = term, n = tonumber(text:match('"n":(%d+)')) or 0}
    else
      unexpected = unexpected + 1
    end
  end
end
