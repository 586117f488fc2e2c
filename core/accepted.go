// SPDX-License-Identifier: Apache-2.0

package core

import (
	"cmp"
	"slices"
	"strings"

	"tercet/config"
)

// accepted are options of Prosody that have no effect here, by the reason. One
// that a module has is that module's, whatever stands here.
var accepted = map[string]string{
	"there is no federation yet": `allow_anonymous_s2s dialback_secret s2s_allow_encryption s2s_blacklist s2s_certificate
		s2s_close_timeout s2s_direct_tls_interfaces s2s_direct_tls_ports s2s_direct_tls_ssl s2s_insecure_domains s2s_interface
		s2s_interfaces s2s_ports s2s_require_encryption s2s_secure_auth s2s_secure_domains s2s_ssl s2s_stanza_size_limit
		s2s_tcp_keepalives s2s_timeout s2s_unauthed_stanza_size_limit s2s_whitelist smacks_enabled_s2s smacks_s2s_resend use_dane
		dns_max_depth dns_servers dns_timeout resolvconf unbound`,
	"there are no external components yet": `component_address component_conflict_resolve component_interface component_interfaces
		component_ports component_secret component_stanza_size_limit component_tcp_keepalives disallow_s2s validate_from_addresses`,
	"nothing is served by HTTP that has it yet": `bosh_default_hold bosh_max_inactivity bosh_max_polling bosh_max_wait
		consider_bosh_secure consider_websocket_secure cross_domain_bosh cross_domain_websocket http_allow_trailing_slash http_dir_listing
		http_errors_hints http_file_share_access http_file_share_allowed_file_types
		http_file_share_base_url http_file_share_daily_quota http_file_share_expires_after http_file_share_global_quota
		http_file_share_safe_file_types http_file_share_secret http_file_share_size_limit http_files_dir http_index_files
		http_serve_dotfiles http_upload_file_size_limit stream_close_timeout websocket_frame_buffer_limit websocket_frame_fragment_limit`,
	"there are no rooms yet": `component_admins_as_room_owners enforce_registered_nickname max_history_messages
		muc_event_rate muc_log_all_rooms muc_log_by_default muc_log_cleanup_interval muc_log_compression muc_log_expires_after
		muc_log_presences muc_max_rooms muc_occupant_id muc_room_allow_persistent muc_room_allow_public muc_room_cache_size
		muc_room_default_allow_member_invites muc_room_default_change_subject muc_room_default_history_length muc_room_default_language
		muc_room_default_members_only muc_room_default_moderated muc_room_default_persistent muc_room_default_presence_broadcast
		muc_room_default_public muc_room_default_public_jids muc_room_lock_timeout muc_room_locking muc_tombstone_expiry muc_tombstones
		restrict_room_creation vcard_to_pep muc_burst_factor muc_max_nick_length muc_max_char_length`,
	"there is no publish-subscribe yet": `autocreate_on_publish autocreate_on_subscribe expose_publisher pep_max_items pep_service_cache_size
		pubsub_max_items pubsub_summary_templates default_admin_affiliation`,
	"there are no invitations yet": `allow_contact_invites allow_user_invites deny_user_invites_by_roles invite_expiry
		registration_invite_only allow_user_invite_roles invites_page invites_registration_page`,
	"there are no media services yet": `proxy65_acl proxy65_address proxy65_interfaces proxy65_open_access proxy65_ports
		proxy65_default_protocol turn_external_host turn_external_port turn_external_secret turn_external_tcp turn_external_tls_port
		turn_external_ttl turn_external_user turn_secret turncredentials external_services`,
	"modules in Lua do not need it here": `installer_plugin_path plugin_server gc error_library legacy_app_servers
		console_banner console_interface console_interfaces console_ports console_prettyprint_settings`,
	"Go's runtime does this by itself": `network_backend network_default_read_size network_default_write_size use_libevent
		storage_async_check sqlite_tune unpack_limit`,
	"the process stays in the foreground, as its service manager wants it": `daemonize no_daemonize prosody_group prosody_user run_as_root
		plugin_group`,
	"the database is SQLite in data_path, which Tercet keeps by itself": `sql sql_manage_tables storage_archive_item_limit storage_index_cache_size
		storage_compression`,
	"metrics are counted in any case and told when http_openmetrics is asked": `statistics statistics_config statistics_interval statsd_host statsd_port`,
	"rights are those of admins alone yet": `add_permissions authorization custom_roles default_user_role
		host_user_role remove_permissions server_user_role`,
	"compression within TLS is not safe": `compression_level ssl_compression`,
}

// reasons is accepted the other way round.
func reasons() map[string]string {
	all := make(map[string]string)
	for why, names := range accepted {
		for name := range strings.FieldsSeq(names) {
			all[name] = why
		}
	}
	return all
}

// A note tells of an option that is accepted and has no effect.
type note struct {
	Pos    config.Pos
	Option string
	Reason string
}

// notes lists the options of the config that have no effect, unless some
// module has them.
func notes(c *config.Config, known map[string]bool) []note {
	why := reasons()
	var all []note
	for _, s := range append([]*config.Section{c.Global}, c.Hosts...) {
		for name, v := range s.Options {
			if reason, ok := why[name]; ok && !known[name] {
				all = append(all, note{v.Pos, name, reason})
			}
		}
	}
	slices.SortFunc(all, func(a, b note) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Option, b.Option))
	})
	return all
}
