# fish completion of tercet: tercet completion fish | source
function __tercet_complete
	set -l words (commandline -opc) (commandline -ct)
	$words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c tercet -f -a '(__tercet_complete)'
