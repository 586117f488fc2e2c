// SPDX-License-Identifier: Apache-2.0

// Package modules is the list of what this server can do.
package modules

import (
	"tercet/core/module"
	"tercet/modules/adhoc"
	"tercet/modules/announce"
	"tercet/modules/auth/accounts"
	"tercet/modules/auth/external"
	"tercet/modules/bind"
	"tercet/modules/blocklist"
	"tercet/modules/c2s"
	"tercet/modules/caps"
	"tercet/modules/carbons"
	"tercet/modules/csi"
	"tercet/modules/csi_simple"
	"tercet/modules/disco"
	"tercet/modules/groups"
	"tercet/modules/guest/lua"
	"tercet/modules/guest/wasm"
	"tercet/modules/http"
	"tercet/modules/http_openmetrics"
	"tercet/modules/iq"
	"tercet/modules/lastactivity"
	"tercet/modules/limits"
	"tercet/modules/mam"
	"tercet/modules/message"
	"tercet/modules/motd"
	"tercet/modules/offline"
	"tercet/modules/ping"
	"tercet/modules/presence"
	"tercet/modules/private"
	"tercet/modules/profile"
	"tercet/modules/register"
	"tercet/modules/roster"
	"tercet/modules/sasl"
	"tercet/modules/sasl/plain"
	"tercet/modules/sasl/scram"
	"tercet/modules/server_contact_info"
	"tercet/modules/session"
	"tercet/modules/shell"
	"tercet/modules/smacks"
	"tercet/modules/starttls"
	"tercet/modules/storage/memory"
	"tercet/modules/storage/sqlite"
	"tercet/modules/time"
	"tercet/modules/uptime"
	"tercet/modules/vcard"
	"tercet/modules/version"
	"tercet/modules/watchregistrations"
	"tercet/modules/welcome"
)

// All are the modules that are compiled in. A folder that is missing here
// fails a test.
var All = []module.Definition{
	adhoc.Module,
	announce.Module,
	accounts.Module,
	accounts.Plain,
	external.Module,
	bind.Module,
	blocklist.Module,
	c2s.Module,
	caps.Module,
	carbons.Module,
	csi.Module,
	csi_simple.Module,
	disco.Module,
	groups.Module,
	http.Module,
	http.Server,
	http_openmetrics.Module,
	iq.Module,
	lastactivity.Module,
	limits.Module,
	lua.Module,
	mam.Module,
	message.Module,
	motd.Module,
	offline.Module,
	ping.Module,
	plain.Module,
	presence.Module,
	private.Module,
	profile.Module,
	register.Module,
	roster.Module,
	sasl.Module,
	scram.Module,
	server_contact_info.Module,
	session.Module,
	shell.Module,
	smacks.Module,
	starttls.Module,
	memory.Module,
	sqlite.Module,
	time.Module,
	uptime.Module,
	vcard.Module,
	version.Module,
	wasm.Module,
	watchregistrations.Module,
	welcome.Module,
}
