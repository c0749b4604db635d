#!/bin/sh
# Stops or starts one tailscaled of a running lab: what a gateway sees when it is away.
# Usage: node.sh DIR stop|kill|start NAME       (NAME: A_NAME or B_NAME of up.sh)
# stop: as by SIGTERM, its socket is gone then. kill: SIGKILL, which leaves its socket behind.
# Needs: a lab made by up.sh. Takes: a second or two. Prints: nothing, or an error.
# A started node has its state of before: same name, addresses, serve settings, certificates.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=SCRIPTDIR/lib.sh
. "$here/lib.sh"
[ $# -eq 3 ] || die "usage: node.sh DIR stop|kill|start NAME"
DIR=$(CDPATH='' cd -- "$1" && pwd) NAME=$3
[ -f "$DIR/env" ] || die "no lab is up in $DIR"
PORT=$(cat "$DIR/port")
BIN=$(dirname "$(sed -n 's/^TAILSCALED=//p' "$DIR/env")") # where up.sh had it
case $NAME in
"$(sed -n 's/^A_NAME=//p' "$DIR/env")") index=0 ;;
"$(sed -n 's/^B_NAME=//p' "$DIR/env")") index=1 ;;
*) die "no node '$NAME' here" ;;
esac
# leave COMMAND: ends it by `COMMAND PID BORN`
leave() {
	while read -r pid when name; do
		[ "$name" != "$NAME" ] || "$1" "$pid" "$when" || die "$NAME does not end"
	done <"$DIR/pids"
	grep -v " $NAME\$" "$DIR/pids" >"$DIR/pids.new" || :
	mv "$DIR/pids.new" "$DIR/pids"
}
end_at_once() {
	! alive "$1" "$2" || kill -9 "$1" || return 0
	until_ok 5 "$NAME is gone" gone "$1" "$2"
}
gone() {
	! alive "$1" "$2"
}
begin() {
	if grep -q " $NAME\$" "$DIR/pids"; then die "$NAME runs already"; fi
	node "$NAME" "$index"
	until_ok 20 "$NAME is running" running "$DIR/$NAME/tailscaled.sock"
}
case $2 in
stop) leave end ;;
kill) leave end_at_once ;;
start) begin ;;
*) die "usage: node.sh DIR stop|kill|start NAME" ;;
esac
