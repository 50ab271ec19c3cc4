-- For wrk: posts SIZE bytes of JSON, or of anything where JSON is empty.
local size = tonumber(os.getenv("SIZE"))
wrk.method = "POST"
if os.getenv("JSON") then
  wrk.headers["content-type"] = "application/json"
  wrk.body = '{"items":["' .. string.rep("x", size - 14) .. '"]}'
else
  wrk.body = string.rep("x", size)
end
