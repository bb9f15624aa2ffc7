-- POST to _update of a document at random, which merges a field; conflicts are not tried again by the server.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "report.lua")

local headers = {["Content-Type"] = "application/json"}
local n = 0

function request()
  n = n + 1
  -- Never what it was, which would be a noop.
  local value = (number + 1) * 1000000000 + n
  return wrk.format("POST", "/load/_update/" .. random_id(), headers, '{"doc":{"n":' .. value .. "}}")
end

function response(status, _, text)
  if status == 409 then
    conflicts = conflicts + 1
  elseif status == 200 and text:find('"result":"updated"', 1, true) then
    applied = applied + 1
  else
    unexpected = unexpected + 1
  end
end
