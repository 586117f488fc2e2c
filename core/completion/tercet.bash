# bash completion of tercet: source <(tercet completion bash)
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
