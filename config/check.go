// SPDX-License-Identifier: Apache-2.0

package config

// Check is handed to the Check method of a struct of options.
type Check struct{}

// At is an option about which a Check method has something to say.
type At struct{}

// At names the option.
func (c *Check) At(option string) At { return At{} }

// Host returns the host whose options are checked; empty for the global ones.
func (c *Check) Host() string { return "" }

// Has reports whether the option was given.
func (c *Check) Has(option string) bool { return false }

// Errorf reports an error.
func (a At) Errorf(format string, args ...any) {}

// Warnf reports a warning.
func (a At) Warnf(format string, args ...any) {}

// Unknown returns a warning for each option that known does not have; known is
// asked once per section, with the empty host for the global one.
func Unknown(c *Config, known func(host string) map[string]bool) []Problem { return nil }

// Suggest returns the word of known that is nearest to word; empty if none is near.
func Suggest(word string, known []string) string { return "" }
