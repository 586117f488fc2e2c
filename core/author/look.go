// SPDX-License-Identifier: Apache-2.0

package author

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"tercet/core"
	"tercet/core/control"
)

// check is "module check".
func check(ctx context.Context, c core.Call, inspectors map[string]Inspector) int {
	var options string
	words, err := parse(c.Args, map[string]*string{"options": &options})
	switch {
	case err != nil:
		return usage(c, "%v", err)
	case len(words) == 0:
		return usage(c, "FILE is missing")
	case len(words) > 1:
		return usage(c, "what is %q?", words[1])
	case options != "" && !json.Valid([]byte(options)):
		return usage(c, "--options: this is no JSON: %s", options)
	}
	file := words[0]
	inspect := inspectors[filepath.Ext(file)]
	if inspect == nil {
		return usage(c, "%s is no module: its name ends in none of %s", file, strings.Join(slices.Sorted(maps.Keys(inspectors)), ", "))
	}
	found := inspect(ctx, file, json.RawMessage(options))
	if c.JSON {
		result(c, found)
	} else {
		found.Print(c.Out)
	}
	if found.Failed() {
		return control.Failed
	}
	if !c.JSON {
		fmt.Fprintf(c.Out, "%s: no errors\n", file)
	}
	return control.OK
}
