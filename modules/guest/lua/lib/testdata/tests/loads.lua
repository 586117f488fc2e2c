-- SPDX-License-Identifier: Apache-2.0
-- Each library loads, and offers what Prosody's offers.
local offers = {
	["util.adhoc"] = "new_initial_data_form new_simple_form"; ["util.bit53"] = "band bor bxor lshift rshift"; ["util.bitcompat"] = "band bor bxor lshift rshift";
	["util.cache"] = "new"; ["util.caps"] = "calculate_hash"; ["util.compat"] = "xpcall"; ["util.dataforms"] = "get_type new";
	["util.datetime"] = "date datetime legacy parse time"; ["util.debug"] = "get_locals_table get_traceback_table get_upvalues_table string_from_var_table traceback use";
	["util.dependencies"] = "check_dependencies log_warnings missingdep softreq"; ["util.encodings"] = "base64 confusable idna stringprep utf8 version";
	["util.envload"] = "envload envloadfile"; ["util.error"] = "coerce configure from_stanza init is_err is_error new";
	["util.filters"] = "add_filter add_filter_hook initialize remove_filter remove_filter_hook"; ["util.format"] = "format";
	["util.hashes"] = "equals hmac_md5 hmac_sha1 hmac_sha256 hmac_sha512 md5 pbkdf2_hmac_sha1 pbkdf2_hmac_sha256 scram_Hi_sha1 sha1 sha224 sha256 sha384 sha512 version";
	["util.helpers"] = "get_upvalue log_events log_host_events revert_log_events revert_log_host_events show_events"; ["util.hex"] = "decode encode from to";
	["util.hmac"] = "md5 sha1 sha256 sha512"; ["util.http"] = "contains_token formdecode formencode normalize_path urldecode urlencode";
	["util.human.io"] = "ellipsis getchar getline getpass padleft padright printf read_password show_prompt show_yesno table";
	["util.human.units"] = "adjust format"; ["util.id"] = "custom long medium short tiny"; ["util.interpolation"] = "new";
	["util.ip"] = "commonPrefixLength match new_ip parse_cidr";
	["util.iterators"] = "count filter head join keys range reverse ripairs select skip sorted_pairs tail to_array to_table unique values";
	["util.jid"] = "bare compare escape host join node prep prepped_split resource split unescape"; ["util.json"] = "decode encode encode_array encode_ordered null test";
	["util.jsonpointer"] = "resolve"; ["util.jwt"] = "sign verify"; ["util.logger"] = "add_level_sink add_simple_sink init make_logger new reset";
	["util.multitable"] = "iter new"; ["util.net"] = "local_addresses ntop pton";
	["util.paths"] = "complement_lua_path glob_to_pattern join resolve_relative_path"; ["util.pluginloader"] = "init load_code load_code_ext load_file load_resource";
	["util.pposix"] = "ENOENT _NAME _VERSION getgid getpid getrlimit getuid isatty meminfo mkdir setenv umask uname atomic_append";
	["util.presence"] = "recalc_resource_map select_top_resources"; ["util.queue"] = "new"; ["util.random"] = "bytes _source"; ["util.crand"] = "bytes";
	["util.ringbuffer"] = "new"; ["util.rsm"] = "generate get parse"; ["util.sasl"] = "new registerMechanism"; ["util.sasl.scram"] = "getAuthenticationDatabaseSHA1 get_hash hashers init";
	["util.sasl.plain"] = "init"; ["util.sasl.anonymous"] = "init"; ["util.sasl.external"] = "init"; ["util.serialization"] = "deserialize new serialize";
	["util.session"] = "new set_conn set_id set_logger set_send"; ["util.set"] = "difference intersection is_set new union xor"; ["util.signal"] = "SIGTERM SIGHUP kill raise signal";
	["util.smqueue"] = "new smqueue"; ["util.sslconfig"] = "apply final new";
	["util.stanza"] = "clone deserialize error_reply iq is_stanza message presence preserialize pretty_print reply stanza stanza_mt xml_escape";
	["util.statistics"] = "new"; ["util.strbitop"] = "sand sor sxor"; ["util.struct"] = "pack size unpack"; ["util.table"] = "create pack move";
	["util.termcolours"] = "getstring getstyle setstyle tohtml"; ["util.throttle"] = "create"; ["util.time"] = "monotonic now"; ["util.uuid"] = "generate get_nibbles";
	["util.x509"] = "der2pem get_identities pem2der verify_identity"; ["util.xml"] = "parse"; ["util.xmppstream"] = "new new_sax_handlers ns_pattern ns_separator";
	["util.xpcall"] = "xpcall"; ["util.prosodyctl"] = "show_message show_warning show_usage getchar getpass show_yesno show_prompt read_password";
	["net.http.codes"] = ""; ["net.http.errors"] = "new registry"; ["lfs"] = "attributes chdir currentdir dir link mkdir rmdir symlinkattributes touch _VERSION";
	["lxp"] = "new _VERSION"; ["lxp.lom"] = "find_elem list_children parse"; ["ssl"] = "loadcertificate newcontext"; ["ssl.x509"] = "load";
	["socket"] = "gettime dns _VERSION"; ["socket.url"] = "absolute build build_path escape parse parse_path unescape"; ["ltn12"] = "BLOCKSIZE filter pump sink source";
	["bit"] = "arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex"; ["bit32"] = "band bor bxor bnot lshift rshift arshift lrotate rrotate extract replace btest";
	["core.features"] = "available"; ["util.roles"] = "is_role new";
};
for name, fields in pairs(offers) do
	local library = require(name);
	for field in fields:gmatch("%S+") do
		assert(library[field] ~= nil, name .. " has no " .. field);
	end
end
assert(type(require "util.template") == "function");
assert(require "util.import" and type(import) == "function");
assert(require "util.mathcompat" and math.type(1) == "integer" and math.type(1.5) == "float");
local methods = {};
for name in ("tag up text add_child get_child find get_child_text childtags get_text text_tag maptags query top_tag reset add_direct_child child_with_name "
	.. "get_error get_child_with_attr child_with_ns body indent add_error remove_children get_child_attr children at_top pretty_print pretty_top_tag __freeze __tostring"):gmatch("%S+") do
	assert(type(require "util.stanza".stanza_mt[name]) == "function", name);
end
