-- Whether the container named by txn.container may be touched: the engine is asked, as a call does not say what labels
-- it has. Sets txn.labelled to "yes", "no", "absent" (the engine knows no such container) or "unknown".
local LABEL = '$.Config.Labels.io\\.aegisops\\.remedies'
local socket = os.getenv("DOCKER_SOCKET")

local function labelled(txn)
    local answer = core.httpclient():get{
        url = "http://engine/v1.41/containers/" .. txn:get_var("txn.container") .. "/json",
        dst = "unix@" .. socket,
        timeout = 10000,
    }
    if answer.status == 404 then
        return "absent"
    elseif answer.status ~= 200 then
        return "unknown"
    end
    return txn.c:json_query(answer.body, LABEL) == "true" and "yes" or "no"
end

core.register_action("look_up_label", {"http-req"}, function(txn)
    txn:set_var("txn.labelled", labelled(txn))
end)
