#compdef tercet
# zsh completion of tercet: source <(tercet completion zsh)
_tercet() {
	local -a list
	list=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	compadd -- "${(@)list:#}"
}
if [ "$funcstack[1]" = "_tercet" ]; then _tercet "$@"; else compdef _tercet tercet; fi
