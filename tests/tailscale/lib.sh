# Shared by the scripts of this folder; sourced, not run. Needs $here (this folder).
# Linux only: a process is known by its id and its start time in /proc.
# shellcheck shell=sh disable=SC2034

GO_VERSION=1.26.6
TS_VERSION=1.102.3
PEBBLE_VERSION=2.10.1
BIN=${TS_LAB_BIN:-${here%/*/*}/build/tailscale}

die() {
	echo "tailscale lab: $*" >&2
	exit 1
}

# What it takes is not here: the same number that automake's tests skip with.
missing() {
	echo "tailscale lab: $*" >&2
	exit 77
}

# born PID: when it started; nothing if there is no such process or it is a zombie
born() {
	sed -n 's/^.*) \([^Z]\) /\1 /p' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

# alive PID BORN
alive() {
	[ -n "$2" ] && [ "$(born "$1")" = "$2" ]
}

# start NAME COMMAND…: in the background, output to $DIR/NAME.log, noted in $DIR/pids
start() {
	start_name=$1
	shift
	nohup "$@" >>"$DIR/$start_name.log" 2>&1 </dev/null 8>&- 9>&- & # 8 and 9: locks of ours
	start_pid=$!
	start_born=$(born "$start_pid")
	echo "$start_pid ${start_born:-0} $start_name" >>"$DIR/pids"
}

# end PID BORN: politely, then not
end() {
	alive "$1" "$2" || return 0
	kill "$1" 2>/dev/null || return 0
	end_n=0
	while alive "$1" "$2"; do
		end_n=$((end_n + 1))
		if [ "$end_n" -eq 60 ]; then
			kill -9 "$1" 2>/dev/null || :
		fi
		[ "$end_n" -lt 100 ] || return 1
		sleep 0.1
	done
}

# until_ok SECONDS WHAT COMMAND…: repeats the command until it succeeds
until_ok() {
	until_end=$(($(date +%s) + $1))
	until_what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$until_end" ] || die "$until_what: not after the time allowed; see $DIR/*.log"
		sleep 0.1
	done
}

running() {
	"$BIN/tailscale" --socket "$1" status --json 2>/dev/null | grep -q '"BackendState": "Running"'
}

# node NAME INDEX: starts a tailscaled. Nothing of it may leave this machine: no logs, no
# port mapping, no local addresses offered to peers, an HTTP proxy that refuses, and (where
# mount namespaces can be had) a resolver on loopback, as the ACME client asks DNS first.
node() {
	node_dir=$DIR/$1
	mkdir -p "$node_dir"
	node_quiet=
	if [ -f "$DIR/quiet" ]; then node_quiet=$(cat "$DIR/quiet"); fi
	node_tun=userspace-networking
	if [ -f "$DIR/tun" ] && [ "$2" = 0 ]; then node_tun=$(cat "$DIR/tun"); fi
	# shellcheck disable=SC2086
	start "$1" env \
		TS_DEBUG_ACME_DIRECTORY_URL="https://127.0.0.1:$((PORT + 4))/dir" \
		SSL_CERT_FILE="$DIR/ca.pem" SSL_CERT_DIR=/nonexistent \
		HTTP_PROXY="http://127.0.0.1:$((PORT + 8))" HTTPS_PROXY="http://127.0.0.1:$((PORT + 8))" \
		TS_NO_LOGS_NO_SUPPORT=true TS_LOGS_DIR="$node_dir" TS_DEBUG_OMIT_LOCAL_ADDRS=1 \
		TS_DISABLE_PORTMAPPER=1 TS_PANIC_IF_HIT_MAIN_CONTROL=1 TS_ASSUME_NETWORK_UP_FOR_TEST=1 \
		$node_quiet "$BIN/tailscaled" --tun="$node_tun" --no-logs-no-support \
		--statedir="$node_dir" --socket="$node_dir/tailscaled.sock" --port=$((PORT + 20 + $2)) \
		--socks5-server=127.0.0.1:$((PORT + 10 + 2 * $2)) \
		--outbound-http-proxy-listen=127.0.0.1:$((PORT + 11 + 2 * $2))
	until_ok 20 "tailscaled of $1 answers" "$BIN/tailscale" --socket "$node_dir/tailscaled.sock" debug prefs
}
