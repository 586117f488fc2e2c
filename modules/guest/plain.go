// SPDX-License-Identifier: Apache-2.0

package guest

import "tercet/config"

// Plain is a value of the config as JSON has it: a table with a list in it is
// an array, else it is an object.
func Plain(v config.Value) any {
	switch v.Kind() {
	case config.Bool:
		return v.Bool()
	case config.Number:
		return v.Number()
	case config.String:
		return v.Str()
	case config.Table:
		if list := v.List(); len(list) > 0 {
			all := make([]any, len(list))
			for i, item := range list {
				all[i] = Plain(item)
			}
			return all
		}
		all := make(map[string]any)
		for _, f := range v.Fields() {
			all[f.Key] = Plain(f.Value)
		}
		return all
	default:
		return nil
	}
}
