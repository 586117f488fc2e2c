// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tercet/core/control"
)

// scripts complete the words of a command line by asking the program itself,
// which asks the server.
var scripts = map[string]string{
	"bash": `# bash completion of tercet: source <(tercet completion bash)
_tercet() {
	local IFS=$'\n' cur=${COMP_WORDS[COMP_CWORD]} words=()
	local line=${COMP_LINE:0:COMP_POINT}
	IFS=$' \t' read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=("")
	COMPREPLY=($("${words[0]}" __complete "${words[@]:1}" 2>/dev/null))
	# @ and : are breaks between words for readline
	local i
	if [[ ${words[-1]} != "$cur" ]]; then
		for i in "${!COMPREPLY[@]}"; do
			COMPREPLY[i]=${COMPREPLY[i]#"${words[-1]%"$cur"}"}
		done
	fi
}
complete -o default -F _tercet tercet
`,
	"zsh": `#compdef tercet
# zsh completion of tercet: source <(tercet completion zsh)
_tercet() {
	local -a list
	list=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	compadd -- "${(@)list:#}"
}
if [ "$funcstack[1]" = "_tercet" ]; then _tercet "$@"; else compdef _tercet tercet; fi
`,
	"fish": `# fish completion of tercet: tercet completion fish | source
function __tercet_complete
	set -l words (commandline -opc) (commandline -ct)
	$words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c tercet -f -a '(__tercet_complete)'
`,
}

// completion prints the script of a shell.
func (p *program) completion(_ context.Context, args []string) int {
	if len(args) != 1 || scripts[args[0]] == "" {
		return p.usage("usage: tercet completion bash|zsh|fish")
	}
	fmt.Fprint(p.out, scripts[args[0]])
	return control.OK
}

// complete prints what the last of the words may become.
func (p *program) complete(ctx context.Context, words []string) int {
	rest, err := p.options(words)
	if err != nil || len(rest) == 0 {
		return control.OK // the name of a file, which the shell completes
	}
	last := rest[len(rest)-1]
	var list []string
	for _, b := range builtins() {
		if len(rest) == 1 && strings.HasPrefix(b.name, last) {
			list = append(list, b.name)
		}
		if len(rest) == 2 && rest[0] == b.name && strings.Contains(b.args, "|") {
			for word := range strings.SplitSeq(b.args, "|") {
				if strings.HasPrefix(word, last) {
					list = append(list, word)
				}
			}
		}
	}
	if len(rest) == 1 && strings.HasPrefix(last, "-") {
		list = append(list, "--config", "--socket", "--json", "--help", "--version")
	}
	ask := rest
	if rest[0] == "help" {
		ask = rest[1:]
	}
	var served []string
	if p.query(ctx, &served, append([]string{"__complete"}, ask...)...) != nil {
		served = completeStatic(ask)
	}
	for _, word := range append(list, served...) {
		if strings.HasPrefix(word, last) {
			fmt.Fprintln(p.out, word)
		}
	}
	return control.OK
}

// completeStatic completes the names of commands when no server runs.
func completeStatic(words []string) []string {
	if len(words) == 0 {
		return nil
	}
	before := strings.Join(words[:len(words)-1], " ")
	var list []string
	for _, name := range static {
		if rest, ok := strings.CutPrefix(name, strings.TrimLeft(before+" ", " ")); ok {
			word, _, _ := strings.Cut(rest, " ")
			if !slices.Contains(list, word) {
				list = append(list, word)
			}
		}
	}
	return list
}
