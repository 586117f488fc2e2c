// SPDX-License-Identifier: Apache-2.0

package jid

import (
	"unicode/utf8"

	"github.com/xdg-go/stringprep"
)

// nodeprep is the preparation of localparts before RFC 7622 (RFC 6122,
// appendix A). As in a query of RFC 3454 7, code points that Unicode 3.2 did
// not know pass.
var nodeprep = stringprep.Profile{
	Mappings:  []stringprep.Mapping{stringprep.TableB1, stringprep.TableB2},
	Normalize: true,
	Prohibits: []stringprep.Set{
		stringprep.TableC1_1, stringprep.TableC1_2, stringprep.TableC2_1, stringprep.TableC2_2, stringprep.TableC3,
		stringprep.TableC4, stringprep.TableC5, stringprep.TableC6, stringprep.TableC7, stringprep.TableC8,
		stringprep.TableC9,
		{
			{'"', '"'}, {'&', '&'}, {'\'', '\''}, {'/', '/'}, {':', ':'}, {'<', '<'}, {'>', '>'}, {'@', '@'},
		},
	},
	CheckBiDi: true,
}

// LegacyLocal returns the form in which a server that follows RFC 6122 has
// stored the localpart s, if that differs from what PrepLocal makes of s: a
// store asks for it when it does not find the other. It is "" if there is no
// such form. "straße" was stored as "strasse".
func LegacyLocal(s string) string {
	if plainLocal(s) || s == "" || len(s) > maxPart || !utf8.ValidString(s) {
		return ""
	}
	old, err := nodeprep.Prepare(s)
	if err != nil || old == "" || len(old) > maxPart {
		return ""
	}
	if now, err := PrepLocal(s); err == nil && now == old {
		return ""
	}
	return old
}
