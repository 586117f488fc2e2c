---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Certificates.
local x509 = {}

---@param host string
---@param service string|false
---@param cert any
---@return boolean
function x509.verify_identity(host, service, cert) end

---@param cert any
---@return table
function x509.get_identities(cert) end

---@param pem string
---@return string?
---@return string?
function x509.pem2der(pem) end

---@param data string
---@param kind? string
---@return string
function x509.der2pem(data, kind) end

return x509
