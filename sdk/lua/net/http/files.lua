---@meta
-- SPDX-License-Identifier: Apache-2.0

-- Files over HTTP.
local files = {}

---A handler for a route "GET /*".
---@param options string|{path: string, mime_map?: table, directory_index?: boolean, index_files?: string[], cache_size?: integer, cache_max_file_size?: integer}
---@return function
function files.serve(options) end

return files
