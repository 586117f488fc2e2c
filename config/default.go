// SPDX-License-Identifier: Apache-2.0

package config

import _ "embed" // for the default config

//go:embed default.cfg.lua
var defaultConfig []byte

// Default returns the config file that a first start writes.
func Default() []byte { return defaultConfig }
