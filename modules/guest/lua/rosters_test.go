// SPDX-License-Identifier: Apache-2.0

package lua_test

import "testing"

// TestRosterSteps: rostermanager changes subscriptions as Prosody's does, and
// clients are told when a module says so.
func TestRosterSteps(t *testing.T) {
	s, _ := serve(t, "", "steps", `
local rm = require "core.rostermanager";
local juliet = "juliet@example.org";
local function state(user, contact)
	local roster = rm.load_roster(user, module.host);
	local item = roster[contact];
	return (item and (item.subscription .. (item.ask and " asks" or "") .. (item.approved and " approved" or "")) or "nothing") .. (roster[false].pending[contact] and " waits" or "");
end
local function subscribe(user, contact)
	local jid, other = user .. "@" .. module.host, contact .. "@" .. module.host;
	rm.set_contact_pending_out(user, module.host, other);
	rm.set_contact_pending_in(contact, module.host, jid);
	rm.subscribed(contact, module.host, jid);
	rm.process_inbound_subscription_approval(user, module.host, other);
end
local run = {};
function run.out() return tostring(rm.set_contact_pending_out("romeo", module.host, juliet)) .. " " .. tostring(rm.set_contact_pending_out("romeo", module.host, juliet)); end
function run.forget() return tostring(rm.unsubscribe("romeo", module.host, juliet)) .. " " .. tostring(rm.unsubscribe("romeo", module.host, "nobody@example.org")); end
function run.waits()
	rm.set_contact_pending_in("romeo", module.host, juliet, require "util.stanza".presence { type = "subscribe", from = juliet .. "/x" }:text_tag("status", "please"));
	return tostring(rm.is_contact_pending_in("romeo", module.host, juliet));
end
function run.refuse() local ok, waited, was = rm.unsubscribed("romeo", module.host, juliet); return ("%s %s %s"):format(ok, waited, was); end
function run.approve() return tostring(rm.subscribed("romeo", module.host, juliet)); end
function run.both() subscribe("romeo", "juliet"); subscribe("juliet", "romeo"); return state("juliet", "romeo@example.org"); end
function run.push() rm.roster_push("romeo", module.host, juliet); return "pushed"; end
function run.save()
	local roster = rm.load_roster("romeo", module.host);
	roster[juliet].name = "J"; roster[juliet].groups.Verona = true; roster[false].pending["nurse@example.org"] = true;
	return tostring(rm.save_roster("romeo", module.host, roster)) .. " " .. state("romeo", "nurse@example.org");
end
function run.remove()
	local roster = rm.load_roster("romeo", module.host);
	roster[juliet] = nil; roster[false].pending["nurse@example.org"] = nil;
	return tostring(rm.save_roster("romeo", module.host, roster)) .. " " .. state("romeo", "nurse@example.org");
end
module:hook("message/host", function (event)
	local got = run[event.stanza:get_child_text("body")]();
	event.origin.send(require "util.stanza".message({ from = module.host }, got .. ": " .. state("romeo", juliet)));
	return true;
end);
`)
	romeo := s.Login("romeo", "orchard")
	s.AddUser("example.org", "juliet", "x")
	exchange(t, romeo, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>", "type='result'")
	for _, step := range []struct {
		word string
		want []string
	}{
		{"out", []string{">true true: none asks<"}},
		{"forget", []string{">true false: none<"}},
		{"waits", []string{">true: none waits<"}},
		{"refuse", []string{">true true nil: none<"}},
		{"approve", []string{">true: none approved<"}},
		{"both", []string{">both: both approved<"}},
		{"push", []string{"<item jid='juliet@example.org' subscription='both' approved='true'/>", ">pushed: both approved<"}},
		{"save", []string{">true nothing waits: both approved<"}},
		{"push", []string{"<item jid='juliet@example.org' name='J' subscription='both' approved='true'><group>Verona</group></item>", ">pushed: both approved<"}},
		{"remove", []string{">true nothing: nothing<"}},
		{"push", []string{"<item jid='juliet@example.org' subscription='remove'/>", ">pushed: nothing<"}},
	} {
		exchange(t, romeo, "<message to='example.org'><body>"+step.word+"</body></message>", step.want...)
	}
}
