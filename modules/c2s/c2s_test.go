// SPDX-License-Identifier: Apache-2.0

package c2s_test

import (
	"encoding/base64"

	"tercet/core/coretest"
)

// plain is a login by SASL PLAIN.
func plain(user string) string {
	token := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + coretest.Password(user)))
	return "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + token + "</auth>"
}
