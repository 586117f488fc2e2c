// SPDX-License-Identifier: Apache-2.0

package listen

import "tercet/core/ext"

// Services are the handlers of the server's services by their config prefix
// ("c2s", "c2s_direct_tls"), for whoever has a connection for one of them that
// no socket of theirs has accepted: a port that several services share, a test.
var Services = ext.NewMap[string, Handler]("service")
