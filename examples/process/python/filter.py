#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Filter refuses messages with certain words, counts them, and tells how many
they were: who asks by {urn:example:filter}stats, and admins by the ad-hoc
command "filter"."""

import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../../sdk/python"))

import tercet  # noqa: E402

REFUSAL = "<error type='modify'><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"


def load(plugin):
    words = [w.encode() for w in plugin.options.get("words", [])]

    def message(event):
        if not any(w in event.body for w in words):
            return tercet.NEXT
        plugin.count("", "refused")
        event.reply(REFUSAL)
        return tercet.STOP

    def stats(event):
        event.reply("<stats xmlns='urn:example:filter' refused='%d'/>" % plugin.count("", "refused", 0))
        return tercet.STOP

    def command(event):
        note = {"kind": "info", "text": "Refused messages: %d" % plugin.count("", "refused", 0)}
        event.replace(json.dumps({"status": "completed", "notes": [note]}))
        return tercet.STOP

    for name in "pre-message/full", "pre-message/bare":
        plugin.handle(name, message, priority=10, filter="child=jabber:client:body")
    plugin.handle("iq-get/host/urn:example:filter:stats", stats)
    plugin.handle("adhoc/filter", command)
    plugin.add("adhoc-command", {"node": "filter", "name": "Refused messages", "permission": "admin"})
    plugin.add("feature", "urn:example:filter")


tercet.Plugin(load).run()
