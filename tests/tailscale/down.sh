#!/bin/sh
# Ends all that up.sh started in DIR (and nothing else: ids are checked with start times).
# Usage: down.sh DIR      Logs and certificates stay in DIR; it may be removed after.
# Needs: nothing. Takes: about a second. Prints: how many processes it ended.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=SCRIPTDIR/lib.sh
. "$here/lib.sh"
[ $# -eq 1 ] || die "usage: down.sh DIR"
DIR=$1
[ -f "$DIR/pids" ] || { echo "ended 0 processes" && exit 0; }
count=0
# the last started ends first
sed '1!G;h;$!d' "$DIR/pids" >"$DIR/pids.ending"
while read -r pid when name; do
	alive "$pid" "$when" || continue
	end "$pid" "$when" || die "$name ($pid) does not end"
	count=$((count + 1))
done <"$DIR/pids.ending"
rm -f "$DIR/pids" "$DIR/pids.ending" "$DIR/env" "$DIR/control.ready" "$DIR/ingress.sock"
echo "ended $count processes"
