// SPDX-License-Identifier: Apache-2.0

package transport

const loadEnv = "TRANSPORT_LOAD"

func runLoad() int { return 0 }
