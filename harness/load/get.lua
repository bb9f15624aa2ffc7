-- GET of documents at random.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "report.lua")

local texts = {}

function request()
  local id = random_id()
  local text = texts[id]
  if not text then
    text = wrk.format("GET", "/load/_doc/" .. id)
    texts[id] = text
  end
  return text
end
