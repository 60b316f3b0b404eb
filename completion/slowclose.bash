# SPDX-License-Identifier: GPL-2.0
# bash completion of slowclose and slowclosed: the options are those of their --help.

_slowclose() {
	local cur prev words cword
	_init_completion || return

	local commands='explain tail report list listeners top status' word command=()
	if [[ ${words[0]##*/} == slowclose ]]; then
		for word in "${words[@]:1:cword-1}"; do
			[[ " $commands " != *" $word "* ]] || command=("$word")
		done
	fi

	local values=''
	case $prev in
	--socket | --config)
		_filedir
		return
		;;
	-p | --pid)
		_pids
		return
		;;
	--unit)
		values=$(systemctl list-units --plain --no-legend --no-pager 2>/dev/null |
			awk '{ print $1 }')
		;;
	--role) values='server client' ;;
	--stream) values='all slow' ;;
	--backend) values='auto fentry tracepoint' ;;
	--window) values='1m 5m 1h start' ;;
	--by) values='service process port unit peer' ;;
	--sort) values='slow ended slow-accepts slow-closes accept-p99 accept-max close-p99
		close-max queue close-wait name' ;;
	-c | --comm | -L | --lport | -D | --rport | --netns | -n | --count | -d | --delay | \
		--min-close-wait | --min-accept-wait | --close-wait | --accept-wait | \
		--report-interval | --max-connections | --journal-events | --metrics-listen)
		return
		;;
	*)
		if [[ $cur == -* ]]; then
			values=$("${words[0]}" "${command[@]}" --help 2>/dev/null |
				grep -oE '^ {2,6}(slowclosed )?-[-A-Za-z0-9]+(, -[-A-Za-z0-9]+)*' |
				grep -oE -- '-[-A-Za-z0-9]+')
		elif [[ ${words[0]##*/} == slowclose && ${#command[@]} -eq 0 ]]; then
			values=$commands
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur")
}

complete -F _slowclose slowclose slowclosed
