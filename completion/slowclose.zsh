#compdef slowclose slowclosed
# SPDX-License-Identifier: GPL-2.0
# zsh completion of slowclose and slowclosed: the options and commands are those of their --help.

_slowclose_options() {
	local -a lines
	local line option
	for line in ${(f)"$(_call_program options $words[1] $command --help 2>/dev/null)"}; do
		[[ $line =~ '^ {2,6}(slowclosed )?(-[-A-Za-z0-9]+(, -[-A-Za-z0-9]+)*)( [^ ]+)? *(.*)$' ]] || continue
		for option in ${(s:, :)match[2]}; do
			lines+=("$option:${match[5]}")
		done
	done
	_describe -o option lines
}

_slowclose_commands() {
	local -a lines
	local line
	for line in ${(f)"$(_call_program commands $words[1] --help 2>/dev/null)"}; do
		[[ $line =~ '^  slowclose ([a-z]+) +(.*)$' ]] && lines+=("${match[1]}:${match[2]}")
	done
	_describe command lines
}

_slowclose() {
	local -a command units
	if [[ ${words[1]:t} == slowclose ]]; then
		command=(${(M)words[2,CURRENT-1]:#(explain|tail|report|list|listeners|top|status)})
		command=($command[1])
	fi
	case $words[CURRENT-1] in
	--socket|--config) _files ;;
	-p|--pid) _pids ;;
	--unit)
		units=(${(f)"$(systemctl list-units --plain --no-legend --no-pager 2>/dev/null)"})
		compadd -- ${units%% *}
		;;
	--role) compadd server client ;;
	--stream) compadd all slow ;;
	--backend) compadd auto fentry tracepoint ;;
	--window) compadd 1m 5m 1h start ;;
	--by) compadd service process port unit peer ;;
	--sort) compadd slow ended slow-accepts slow-closes accept-p99 accept-max close-p99 \
		close-max queue close-wait name ;;
	-[cLDnd]|--comm|--lport|--rport|--netns|--count|--delay|--*-wait|--report-interval|--journal-events|--max-connections|\
			--metrics-listen)
		_message value ;;
	*)
		if [[ $PREFIX == -* || ${words[1]:t} == slowclosed || -n $command ]]; then
			_slowclose_options
		else
			_slowclose_commands
		fi
		;;
	esac
}

_slowclose "$@"
