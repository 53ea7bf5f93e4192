-- wrk: POSTs to the ingest API, each with a message of its own, and a line of JSON at the end for a
-- script to read. To be run in the root of the tree.
dofile("bench/load/report.lua")

local before = '{"source":"saturation","data":"0123456789012345678901234567890123456789",'
  .. '"metadata":{"n":"'
local after = '"}}'
local head, run, sent

-- The head is made once: wrk.format() costs more than the server needs for an answer.
function init()
  run = string.format("%08x", os.time() % 0x100000000)
  sent = 0
  local body = before .. run .. string.format("-%012d", 0) .. after
  local request = wrk.format("POST", nil, nil, body)
  head = request:sub(1, #request - #body) .. before .. run
end

function request()
  sent = sent + 1
  return head .. string.format("-%012d", sent) .. after
end
