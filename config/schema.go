// SPDX-License-Identifier: Apache-2.0

package config

// Field describes one option.
type Field struct {
	Name, Type, Doc, Default string
	Min, Max                 string
	Words                    []string
	Aliases                  []string
	Secret                   bool
	Fields                   []Field
}

// Schema returns the options that a struct of defaults declares.
func Schema(defaults any) []Field { return nil }

// OptionsTable returns Schema as a table in Markdown.
func OptionsTable(defaults any) string { return "" }
