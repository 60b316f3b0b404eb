# SPDX-License-Identifier: GPL-2.0
# fish completion of slowclose and slowclosed: the options and commands are those of their --help.

function __slowclose_complete
	set -l words (commandline -opc)
	set -l program (basename $words[1])
	set -l command
	if test $program = slowclose
		set command (string match -r '^(?:explain|tail|report|list|listeners|top|status)$' -- $words[2..])[1]
	end

	switch $words[-1]
		case --socket --config
			__fish_complete_path (commandline -ct)
		case -p --pid
			__fish_complete_pids
		case --unit
			systemctl list-units --plain --no-legend --no-pager 2>/dev/null |
				string replace -r ' .*' ''
		case --role
			printf '%s\n' server client
		case --stream
			printf '%s\n' all slow
		case --backend
			printf '%s\n' auto fentry tracepoint
		case --window
			printf '%s\n' 1m 5m 1h start
		case --by
			printf '%s\n' service process port unit peer
		case --sort
			printf '%s\n' slow ended slow-accepts slow-closes accept-p99 accept-max close-p99 \
				close-max queue close-wait name
		case -c --comm -L --lport -D --rport --netns -n --count -d --delay '--*-wait' \
				--report-interval --max-connections --journal-events --metrics-listen
		case '*'
			$words[1] $command --help 2>/dev/null | while read -l line
				set -l parts (string match -r '^ *(?:slowclosed )?(-[-A-Za-z0-9]+(?:, -[-A-Za-z0-9]+)*)(?: [^ ]+)? *(.*)$' -- $line)
				and for option in (string split ', ' -- $parts[2])
					printf '%s\t%s\n' $option $parts[3]
				end
				test $program = slowclose -a -z "$command"
				and string replace -rf '^ *slowclose ([a-z]+) +(.*)$' '$1\t$2' -- $line
			end
	end
end

complete -c slowclose -f -a '(__slowclose_complete)'
complete -c slowclosed -f -a '(__slowclose_complete)'
