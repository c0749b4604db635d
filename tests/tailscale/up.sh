#!/bin/sh
# Starts an offline tailnet in DIR: a control server (with DERP, STUN, DNS), an ACME server,
# two real tailscaled nodes and a Funnel ingress node; all on loopback, in userspace networking.
# Usage: up.sh DIR        (DIR is made; keep its path short: unix sockets have 107 bytes)
# Needs: Linux, curl, and Go once (see build.sh). Not root.
# Takes: the build once (see build.sh), then 2 to 3 seconds.
# Prints: KEY=value lines (also in DIR/env), fit to be read by a shell or a test suite.
# Settings, by environment:
#   TS_LAB_BIN           where the binaries are kept (default build/tailscale of this repository)
#   TS_LAB_PORT          first of 24 ports (default: the first free run from 30000 on)
#   TS_LAB_A, TS_LAB_B   host names (default gpu-server, laptop)
#   TS_LAB_TAILNET       the tailnet's name (default gatehouse-lab.ts.net)
#   TS_LAB_CERT_SECONDS  life of the certificates (default 7776000, 90 days)
#   TS_LAB_TUN           if set, A has a TUN device: run it as root in a network namespace that has loopback alone
#   TS_PERMIT_CERT_UID   tailscaled's own: a user besides root (and the one who runs it) who may fetch certificates
# A lab that is up in DIR already is left alone: only its lines are printed.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=SCRIPTDIR/lib.sh
. "$here/lib.sh"
[ $# -eq 1 ] || die "usage: up.sh DIR"
case $1 in *[![:graph:]]*) die "no spaces in DIR, please: its env file is read by shells" ;; esac
command -v curl >/dev/null 2>&1 || die "curl is missing"
mkdir -p "$1"
DIR=$(CDPATH='' cd -- "$1" && pwd)
A=${TS_LAB_A:-gpu-server} B=${TS_LAB_B:-laptop} TAILNET=${TS_LAB_TAILNET:-gatehouse-lab.ts.net}
for name in "$A" "$B"; do
	case $name in
	*[!a-z0-9-]* | '' | funnel-ingress-node | control | pebble | ingress) die "bad host name '$name'" ;;
	esac
	sock=$DIR/$name/tailscaled.sock
	[ ${#sock} -le 107 ] || die "path too long for a unix socket: $sock"
done

if [ -f "$DIR/pids" ]; then
	whole=yes
	while read -r pid when _; do
		alive "$pid" "$when" || whole=no
	done <"$DIR/pids"
	if [ "$whole" = yes ] && [ -f "$DIR/env" ]; then
		cat "$DIR/env"
		exit 0
	fi
	"$here/down.sh" "$DIR" >/dev/null
fi

"$here/build.sh"

# One at a time from here on, so that two labs do not choose the same ports.
if command -v flock >/dev/null 2>&1; then
	exec 8>"$BIN/.up.lock"
	flock 8
fi
PORT=${TS_LAB_PORT:-}
if [ -z "$PORT" ]; then
	PORT=30000 # below what the kernel takes from by itself
	until "$BIN/tslab" free "$PORT" 24 2>/dev/null; do
		PORT=$((PORT + 40))
		[ "$PORT" -lt 32700 ] || die "no free run of 24 ports between 30000 and 32700"
	done
else
	"$BIN/tslab" free "$PORT" 24 || die "the ports from $PORT to $((PORT + 23)) are not all free"
fi
# +0 control  +1 DERP  +2 STUN  +3 DNS  +4 ACME  +5 pebble  +6 pebble's management  +7 admin  +8 refusing proxy
# +10 A's SOCKS5  +11 A's HTTP proxy  +12, +13 B's  +20, +21 WireGuard

rm -rf "${DIR:?}/$A" "${DIR:?}/$B" "$DIR/ingress"
rm -f "$DIR"/*.log "$DIR/env" "$DIR/control.ready" "$DIR/ingress.sock" "$DIR/quiet" "$DIR/tun" "$DIR/ca.pem"
[ -z "${TS_LAB_TUN:-}" ] || echo tailscale0 >"$DIR/tun"
: >"$DIR/pids"
echo "$PORT" >"$DIR/port"
cleanup() {
	code=$?
	[ "$code" -eq 0 ] || "$here/down.sh" "$DIR" >/dev/null 2>&1 || :
	exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

start control "$BIN/tslab" control -dir "$DIR" -port "$PORT" -tailnet "$TAILNET" -cert-seconds "${TS_LAB_CERT_SECONDS:-7776000}"
until_ok 20 "the control server is ready" test -f "$DIR/control.ready"

start pebble env PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0 \
	"$BIN/pebble" -config "$DIR/pebble.json" -dnsserver "127.0.0.1:$((PORT + 3))"
until_ok 20 "pebble answers" curl -sf --noproxy '*' --cacert "$DIR/local-ca.pem" -o "$DIR/acme-root.pem" \
	"https://127.0.0.1:$((PORT + 6))/roots/0"
cat "$DIR/acme-root.pem" "$DIR/local-ca.pem" >"$DIR/ca.pem"

# A private /etc/resolv.conf, where the kernel lets us have one.
printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' >"$DIR/resolv.conf"
cat >"$DIR/quiet.sh" <<'SCRIPT'
#!/bin/sh
mount --bind "${0%/*}/resolv.conf" /etc/resolv.conf && exec "$@"
SCRIPT
chmod 755 "$DIR/quiet.sh"
for flags in -m -rm; do
	if unshare $flags "$DIR/quiet.sh" true 2>/dev/null; then
		echo "unshare $flags $DIR/quiet.sh" >"$DIR/quiet"
		break
	fi
done

# join NAME FLAGS…: "tailscale up" of a node that answers
join() {
	name=$1
	shift
	"$BIN/tailscale" --socket "$DIR/$name/tailscaled.sock" up --login-server="http://127.0.0.1:$PORT" \
		--hostname="$name" --timeout=30s "$@" >>"$DIR/$name.log" 2>&1 || die "tailscale up failed on $name; see $DIR/$name.log"
}
node "$A" 0
if [ -f "$DIR/tun" ]; then
	join "$A" --accept-dns=false --netfilter-mode=off # neither /etc/resolv.conf nor a firewall is touched
else
	join "$A" --accept-dns=true
fi
node "$B" 1
join "$B" --accept-dns=true
start ingress env HTTP_PROXY="http://127.0.0.1:$((PORT + 8))" HTTPS_PROXY="http://127.0.0.1:$((PORT + 8))" \
	TS_NO_LOGS_NO_SUPPORT=true TS_DEBUG_OMIT_LOCAL_ADDRS=1 TS_DISABLE_PORTMAPPER=1 TS_PANIC_IF_HIT_MAIN_CONTROL=1 TS_ASSUME_NETWORK_UP_FOR_TEST=1 \
	"$BIN/tslab" ingress -dir "$DIR/ingress" -control "http://127.0.0.1:$PORT" -socket "$DIR/ingress.sock"
until_ok 20 "the ingress node is up" test -S "$DIR/ingress.sock"
until_ok 20 "$A is running" running "$DIR/$A/tailscaled.sock"
until_ok 20 "$B is running" running "$DIR/$B/tailscaled.sock"
until_ok 30 "$B reaches $A" "$BIN/tailscale" --socket "$DIR/$B/tailscaled.sock" ping --c 1 --timeout 2s --until-direct=false "$A"

cat >"$DIR/funnel-dial" <<SCRIPT
#!/bin/sh
# Listens on loopback (-listen 127.0.0.1:PORT) and sends each connection through Funnel to
# -target HOST:PORT (default: port 443 of $A), as a public client with the address -src.
exec "$BIN/tslab" funnel-dial -socket "$DIR/ingress.sock" -target "$A.$TAILNET:443" "\$@"
SCRIPT
chmod 755 "$DIR/funnel-dial"

{
	echo "LAB_DIR=$DIR"
	echo "PIDS_FILE=$DIR/pids"
	echo "TAILNET=$TAILNET"
	echo "TAILSCALE=$BIN/tailscale"
	echo "TAILSCALED=$BIN/tailscaled"
	echo "CONTROL_URL=http://127.0.0.1:$PORT"
	echo "ADMIN_URL=http://127.0.0.1:$((PORT + 7))"
	echo "ACME_URL=https://127.0.0.1:$((PORT + 4))/dir"
	echo "CA_FILE=$DIR/ca.pem"
	for side in A B; do
		if [ $side = A ]; then name=$A i=0; else name=$B i=1; fi
		sock=$DIR/$name/tailscaled.sock
		echo "${side}_NAME=$name"
		echo "${side}_FQDN=$name.$TAILNET"
		echo "${side}_SOCKET=$sock"
		echo "${side}_IP4=$("$BIN/tailscale" --socket "$sock" ip -4)"
		echo "${side}_IP6=$("$BIN/tailscale" --socket "$sock" ip -6)"
		echo "${side}_SOCKS5=127.0.0.1:$((PORT + 10 + 2 * i))"
		echo "${side}_HTTP_PROXY=127.0.0.1:$((PORT + 11 + 2 * i))"
	done
	echo "FUNNEL_DIAL=$DIR/funnel-dial"
	echo "INGRESS_SOCKET=$DIR/ingress.sock"
} >"$DIR/env.new"
mv "$DIR/env.new" "$DIR/env"
cat "$DIR/env"
