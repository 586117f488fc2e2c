-- SPDX-License-Identifier: Apache-2.0

-- Certificates are the server's.

local server = require "tercet.server";
local M = {};
M.create_context = server.refused("core.certmanager.create_context", nil, "the server makes TLS contexts itself");
function M.find_host_cert() return nil; end
function M.find_cert() return nil; end
return M;
