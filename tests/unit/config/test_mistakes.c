/* Each mistake of a config is told at its place, with its mend, and is the only one told. */
#include "unit/config/fixture.h"

struct slip {
	const char *yaml;
	unsigned line, column;
	const char *what; /* the whole sentence */
};

/* A whole config around a top-level part, a route, or options of `every`, that begin in line 1, at
 * line 2 column 3, and at line 4 column 5. */
#define TOP(part)   part "\nroutes: [{ handle: bare-one }]\n"
#define ROUTE(part) "routes:\n- " part "\n"
#define EVERY(part) "routes:\n- handle:\n  - every:\n      " part "\n"
#define TO(part)    "routes:\n- handle:\n  - proxy: { to: " part " }\n"

static const struct slip slips[] = {
	/* Keys. */
	{ TOP("wrokers: 2"), 1, 1, "unknown key 'wrokers'; did you mean 'workers'?" },
	{ TOP("trusted-proxies: 10.0.0.0/8"), 1, 1,
	  "unknown key 'trusted-proxies'; did you mean 'trusted_proxies'?" },
	{ TOP("zzzzzz: 2"), 1, 1,
	  "unknown key 'zzzzzz'; it knows workers, user, state_dir, grace, timeouts, limits, "
	  "trusted_proxies, log, usage, admin, upstreams, listen, routes" },
	{ TOP("access: off"), 1, 1,
	  "unknown key 'access'; it belongs to 'log': put it under that key" },
	{ TOP("max_body: 1M"), 1, 1, "unknown key 'max_body'; it belongs to an entry of 'routes'" },
	{ TOP("limits: { max_body: 1M }"), 1, 11,
	  "unknown key 'max_body' of 'limits'; it belongs to an entry of 'routes'" },
	{ TOP("max_concurrent: 4"), 1, 1,
	  "unknown key 'max_concurrent'; it belongs to an entry of 'upstreams'" },
	{ TOP("mode: 0600"), 1, 1,
	  "unknown key 'mode'; it belongs to 'admin': put it under that key" },
	{ TOP("pairs: { a: b }"), 1, 1, "unknown key 'pairs'; it belongs to module 'every'" },
	{ TOP("listen: { address: ':80', key: x }"), 1, 27,
	  "unknown key 'key' of 'listen'; it belongs to an entry of 'upstreams' or module 'pem'" },
	{ EVERY("queue: 5"), 4, 7,
	  "unknown key 'queue' of module 'every'; it belongs to an entry of 'upstreams'" },
	{ EVERY("role: admin"), 4, 7,
	  "unknown key 'role' of module 'every'; it belongs to an entry of 'members'" },
	{ TOP("timeouts: { haed: 3s }"), 1, 13,
	  "unknown key 'haed' of 'timeouts'; did you mean 'head'?" },
	{ TOP("timeouts: { limits: 3s }"), 1, 13,
	  "unknown key 'limits' of 'timeouts'; it belongs to the top level: indent it less" },
	{ TOP("user: a\nuser: b"), 2, 1,
	  "the key 'user' stands here twice; the first is in line 1" },
	{ TOP("[a]: b"), 1, 1,
	  "a key must be plain text, but this is a list; a text with { or [ in it must stand in "
	  "quotes" },
	{ TOP("<<: { user: a }"), 1, 1,
	  "merging with << is not supported; write the keys out, or let an alias stand for the "
	  "whole value" },
	{ TOP("user: !!str a"), 1, 7,
	  "YAML tags are not used here; leave the tag out, or, if the value itself begins with !, "
	  "put it in quotes" },
	{ ROUTE("path: /v1\n  handle: bare-one"), 2, 3,
	  "unknown key 'path' of 'routes'; it belongs to 'match': put it under that key" },
	{ ROUTE("match: { handle: x }\n  handle: bare-one"), 2, 12,
	  "unknown key 'handle' of 'match'; it belongs to 'routes': indent it less" },

	/* The whole file. */
	{ "", 0, 0, "the file is empty; a config needs the key 'routes'" },
	{ "# nothing\n", 0, 0, "the file is empty; a config needs the key 'routes'" },
	{ "workers: 1\n", 0, 0, "a config needs the key 'routes'" },
	{ "- a\n- b\n", 1, 1,
	  "the file must be a mapping with keys such as workers, user, state_dir, grace, timeouts, "
	  "but it is a list" },
	{ "routes: []\n", 1, 9, "'routes' must have at least 1 entry, but it has 0" },
	{ ROUTE("handle: bare-one") "---\na: b\n", 3, 1,
	  "a second document begins here, but a config is one document; take the line '---' away" },

	/* Values of the top level. */
	{ TOP("workers: 0"), 1, 10, "'workers': it must be 'auto' or 1 to 1024, but it is '0'" },
	{ TOP("workers: many"), 1, 10,
	  "'workers': it must be 'auto' or 1 to 1024, but it is 'many'" },
	{ TOP("user: 'a b'"), 1, 7, "'user': 'a b' is no name of a user" },
	{ TOP("user:"), 1, 6, "'user' has no value; give it one or take the key away" },
	{ TOP("grace: 10"), 1, 8,
	  "'grace' must be a duration such as 250ms, 10s, 5m, 2h or 1d, but it is '10'; it needs a "
	  "unit: '10s'?" },
	{ TOP("grace: 2d"), 1, 8, "'grace' must be 0s to 1d, but it is '2d'" },
	{ TOP("limits: { head: 1M }"), 1, 17, "'head' must be 1k to 256k, but it is '1M'" },
	{ TOP("limits: 5"), 1, 9,
	  "'limits' must be a mapping with keys such as head, headers, body, connections, but it "
	  "is "
	  "'5'" },
	{ TOP("trusted_proxies: localhost"), 1, 18,
	  "'trusted_proxies': 'localhost' is no address and no network; write them as in "
	  "'127.0.0.1' or '10.0.0.0/8'" },
	{ TOP("trusted_proxies: [10.0.0.1/8]"), 1, 19,
	  "'trusted_proxies': '10.0.0.1/8' has bits behind its prefix; did you mean "
	  "'10.0.0.0/8'?" },
	{ TOP("trusted_proxies: [10.0.0.0/33]"), 1, 19,
	  "'trusted_proxies': the prefix of '10.0.0.0/33' must be 0 to 32" },
	{ TOP("trusted_proxies: ['fd00::/129']"), 1, 19,
	  "'trusted_proxies': the prefix of 'fd00::/129' must be 0 to 128" },
	{ TOP("log: { access: stdot }"), 1, 16,
	  "'to': 'stdot' is no place for a log; did you mean 'stdout'?" },
	{ TOP("log: { access: logs/a.log }"), 1, 16,
	  "'to': 'logs/a.log' is no place for a log; it is 'stdout', 'off' or an absolute path" },
	{ TOP("log: { access: { format: jsno } }"), 1, 26,
	  "'format' must be 'json' or 'combined', but it is 'jsno'; did you mean 'json'?" },
	{ TOP("admin: 0.0.0.0:9000"), 1, 8,
	  "'address': who reaches this may reload and look into everything: it must be unix:/PATH "
	  "or on loopback, as in '127.0.0.1:9000', or 'off'" },
	{ TOP("admin: { mode: rw }"), 1, 16,
	  "'mode': 'rw' is no mode of a file; write it in octal, as in 0660" },

	/* Listeners. */
	{ TOP("listen: 8080"), 1, 9,
	  "'address': did you mean '127.0.0.1:8080', or ':8080' for every interface?" },
	{ TOP("listen: '*:8080'"), 1, 9,
	  "'address': did you mean ':8080', which is every interface?" },
	{ TOP("listen: 127.0.0.1"), 1, 9,
	  "'address': '127.0.0.1' has no port; write HOST:PORT, as in '127.0.0.1:8080'" },
	{ TOP("listen: 127.0.0.1:65536"), 1, 9,
	  "'address': '65536' is no port; it must be 1 to 65535, or 0 for any that is free" },
	{ TOP("listen: 127.0.0.256:80"), 1, 9,
	  "'address': '127.0.0.256' is no IP address; a listener cannot have a name" },
	{ TOP("listen: example.org:80"), 1, 9,
	  "'address': 'example.org' is no IP address; a listener cannot have a name" },
	{ TOP("listen: '::1'"), 1, 9,
	  "'address': an IPv6 address stands in brackets, as in '[::1]:8080'" },
	{ TOP("listen: http://127.0.0.1:80"), 1, 9,
	  "'address': an address has no scheme; write HOST:PORT, as in '127.0.0.1:8080'" },
	{ TOP("listen: /run/g.sock"), 1, 9, "'address': did you mean 'unix:/run/g.sock'?" },
	{ TOP("listen: unix:g.sock"), 1, 9,
	  "'address': a socket needs an absolute path, as in 'unix:/run/x.sock'" },
	{ TOP("listen: unix:/run/"), 1, 9,
	  "'address': the path of a socket names a file, not a folder" },
	{ TOP("listen: unix:/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/"
	      "aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaa"),
	  1, 9, "'address': the path of a socket may have 107 bytes, but it has 108" },
	{ TOP("listen: [':80', ':80']"), 1, 17,
	  "':80' is taken: the listener in line 1 listens on ':80'" },
	{ TOP("listen:\n- 127.0.0.1:80\n- ':80'"), 3, 3,
	  "':80' is taken: the listener in line 2 listens on '127.0.0.1:80'" },
	{ TOP("listen: ['[::1]:80', '[0:0::1]:80']"), 1, 22,
	  "'[0:0::1]:80' is taken: the listener in line 1 listens on '[::1]:80'" },
	{ TOP("listen: unix:/run/a\nadmin: unix:/run/a"), 2, 8,
	  "'unix:/run/a' is taken: the listener in line 1 listens on 'unix:/run/a'" },
	{ TOP("admin: off\nlisten: { address: ':80', mode: 0600 }"), 2, 33,
	  "'mode' is for unix sockets; take it away from ':80'" },
	{ TOP("listen: { mode: 0600 }"), 1, 9, "'listen' needs the key 'address'" },
	{ TOP("listen: { address: ':80', tls: bare-one }"), 1, 32,
	  "'bare-one' handles requests and gives no certificates; it belongs under 'handle' of a "
	  "route" },
	{ ROUTE("handle: [bare-one, pem: x]"), 2, 22,
	  "'pem' is a source of certificates and handles no requests; it belongs under 'tls' of an "
	  "entry of 'listen'" },
	{ TOP("listen: { address: ':80', tls: [pme: x] }"), 1, 33,
	  "unknown source of certificates 'pme'; did you mean 'pem'?" },
	{ TOP("listen: { address: ':80', tls: true }"), 1, 32,
	  "unknown source of certificates 'true'; there are 'pem'" },
	{ TOP("listen: { address: ':80', tls: { cert: /x, key: /y } }"), 1, 34,
	  "unknown source of certificates 'cert', which is an option of 'pem'; write "
	  "'tls: [{ pem: { cert: … } }]'" },
	{ TOP("listen:\n- address: ':80'\n  tls:\n  - pem:\n    cert: /x"), 5, 5,
	  "'cert' is an option of 'pem': indent it further" },
	{ TOP("listen:\n- address: ':80'\n  tls:\n  - pem: /x\n    bare-one:"), 5, 5,
	  "each module of 'tls' is an item of its own: write '- bare-one:'" },
	{ TOP("listen: { address: ':80', tls: [pem] }"), 1, 33,
	  "module 'pem' needs the key 'cert'" },
	{ TOP("listen: { address: ':80', tls: }"), 1, 32,
	  "'tls' names no source of certificates, so there would be nothing to serve; take the "
	  "key away for an address without TLS" },
	{ TOP("listen: { address: ':80', tls: [] }"), 1, 32,
	  "'tls' names no source of certificates, so there would be nothing to serve; take the "
	  "key away for an address without TLS" },
	{ TOP("listen: { address: ':80', tls: [[pem]] }"), 1, 33,
	  "an item of 'tls' is the name of a module, or a name with its options, but this is a "
	  "list" },
	{ TOP("listen: { address: ':80', tls: [pem: { cert: x, from: nobody }] }"), 1, 55,
	  "'nobody' is neither an address, such as http://127.0.0.1:1234, nor an entry of "
	  "'upstreams'" },
	{ TOP("listen: { address: ':80', tls: [pem: x], h2c: true }"), 1, 47,
	  "'h2c' is HTTP/2 without TLS; with 'tls' HTTP/2 is there anyway, so take it away" },
	{ TOP("listen: { address: ':80', identity: tailscale }"), 1, 37,
	  "'identity' is for unix sockets alone: whoever can connect to ':80' could claim to be "
	  "anyone; write 'address: unix:/PATH'" },
	{ TOP("listen: { address: ':80', identity: tailscael }"), 1, 37,
	  "'identity' must be 'none' or 'tailscale', but it is 'tailscael'; did you mean "
	  "'tailscale'?" },
	{ TOP("listen: { address: 'unix:/x', identity: tailscale, mode: 0660 }"), 1, 58,
	  "'mode' 0660 lets others connect, and with 'identity' whoever connects can claim to be "
	  "anyone; write 0600" },
	{ TOP("listen: { address: 'unix:/x', identity: tailscale, mode: 0601 }"), 1, 58,
	  "'mode' 0601 lets others connect, and with 'identity' whoever connects can claim to be "
	  "anyone; write 0600" },
	{ TOP("listen: { address: ':80', proxy_protocol: here }"), 1, 43,
	  "'proxy_protocol': 'here' is no address and no network; write them as in '127.0.0.1' or "
	  "'10.0.0.0/8'" },
	{ TOP("listen: { address: ':80', proxy_protocol: [127.0.0.1, unix] }"), 1, 55,
	  "'unix' is for unix sockets, which ':80' is not; write the proxy's address" },
	{ TOP("listen: { address: 'unix:/x', proxy_protocol: [127.0.0.1] }"), 1, 48,
	  "nobody connects to a unix socket from an address; write 'proxy_protocol: unix'" },
	{ TOP("state_dir: var"), 1, 12,
	  "'state_dir': 'var' is no absolute path of a folder; it begins with '/'" },
	{ TOP("state_dir: /"), 1, 12,
	  "'state_dir': '/' is no absolute path of a folder; it begins with '/'" },
	{ TOP("state_dir: /var/lib/x/"), 1, 12,
	  "'state_dir': a folder has no slash at its end; write '/var/lib/x'" },
	{ TOP("listen: []"), 1, 9, "'listen' must have 1 to 256 entries, but it has 0" },
	{ TOP("listen:"), 1, 8, "an entry of 'listen' is empty" },

	/* Upstreams. */
	{ TO("https://127.0.0.1:1234"), 3, 18,
	  "'to': TLS towards upstreams is not supported yet; use http:// to a server on this "
	  "machine or in a private network" },
	{ TO("http://127.0.0.1:1234/v1"), 3, 18,
	  "'to': an address has no path, since the request's own path is sent; write "
	  "'http://127.0.0.1:1234'" },
	{ TO("127.0.0.1:1234"), 3, 18, "'to': did you mean 'http://127.0.0.1:1234'?" },
	{ TO("HTTP://a:1"), 3, 18, "'to': did you mean 'http://a:1'?" },
	{ TO("/run/x.sock"), 3, 18, "'to': did you mean 'unix:/run/x.sock'?" },
	{ TO("ftp://a"), 3, 18, "'to': an address begins with http:// or unix:/" },
	{ TO("http://a:0"), 3, 18, "'to': '0' is no port; it must be 1 to 65535" },
	{ TO("'http://a:'"), 3, 18, "'to': '' is no port; it must be 1 to 65535" },
	{ TO("http://a..b"), 3, 18, "'to': 'a..b' is no host; write http://HOST:PORT" },
	{ TO("http://127.1:80"), 3, 18, "'to': '127.1' is no host; write http://HOST:PORT" },
	{ TO("'http://::1:80'"), 3, 18,
	  "'to': an IPv6 address stands in brackets, as in 'http://[::1]:8080'" },
	{ TO("http://me:hunter2@a:1"), 3, 18,
	  "'to': an address has no user and password in it; take them out, and let an option such "
	  "as 'upstream_key' carry them" },
	{ TO("studio"), 3, 18,
	  "'studio' is neither an address, such as http://127.0.0.1:1234, nor an entry of "
	  "'upstreams'" },
	{ "upstreams: { studio: http://a }\n" TO("stuido"), 4, 18,
	  "unknown upstream 'stuido'; did you mean 'studio'?" },
	{ TO("[]"), 3, 18, "'to' must have 1 to 64 addresses" },
	{ TO("[[a]]"), 3, 19,
	  "'to' must be an address or the name of an upstream, but it is a list" },
	{ "upstreams: { a: { balance: least_busy } }\n" ROUTE("handle: bare-one"), 1, 14,
	  "'a' needs the key 'to'" },
	{ TOP("upstreams: { a: { to: http://b, balance: lest_busy } }"), 1, 42,
	  "'balance' must be 'round_robin' or 'least_busy', but it is 'lest_busy'; did you mean "
	  "'least_busy'?" },
	{ TOP("upstreams: { a: { to: http://b, health: v1 } }"), 1, 41,
	  "'path': it must be a path that begins with '/', without spaces, as in '/v1/models'" },
	{ TOP("upstreams: { 'a b': http://b }"), 1, 14,
	  "the name of an upstream has letters, digits, '-', '_' and '.' alone" },
	{ TOP("upstreams: [http://b]"), 1, 12,
	  "'upstreams' must be a mapping of names to entries, but it is a list" },

	/* Routes. */
	{ ROUTE("match: { path: v1 }\n  handle: bare-one"), 2, 18,
	  "'path': a path begins with '/': did you mean '/v1'?" },
	{ ROUTE("match: { path: /v1/ }\n  handle: bare-one"), 2, 18,
	  "'path': a path has no slash at its end; write '/v1'" },
	{ ROUTE("match: { path: /v1/* }\n  handle: bare-one"), 2, 18,
	  "'path': a path takes all that is below it and has no '*'; write '/v1'" },
	{ ROUTE("match: { path: /a//b }\n  handle: bare-one"), 2, 18,
	  "'path': '/a//b' is never matched: it has an empty segment, '.' or '..' in it" },
	{ ROUTE("match: { path: /a/../b }\n  handle: bare-one"), 2, 18,
	  "'path': '/a/../b' is never matched: it has an empty segment, '.' or '..' in it" },
	{ ROUTE("match: { path: /a/./b }\n  handle: bare-one"), 2, 18,
	  "'path': '/a/./b' is never matched: it has an empty segment, '.' or '..' in it" },
	{ ROUTE("match: { path: /a%2F..%2Fb }\n  handle: bare-one"), 2, 18,
	  "'path': '/a%2F..%2Fb' is never matched: it has an empty segment, '.' or '..' in it" },
	{ ROUTE("match: { path: '/a b' }\n  handle: bare-one"), 2, 18,
	  "'path': '/a b' is never matched: spaces, quotes, brackets and letters beyond ASCII must "
	  "be written as %XX" },
	{ ROUTE("match: { path: /%61 }\n  handle: bare-one"), 2, 18,
	  "'path': '/%61' is never matched: write 'a' for '%61'" },
	{ ROUTE("match: { path: /%c3%a4 }\n  handle: bare-one"), 2, 18,
	  "'path': '/%c3%a4' is never matched: write '%C3' for '%c3'" },
	{ ROUTE("match: { path: /%00 }\n  handle: bare-one"), 2, 18,
	  "'path': '/%00' has an escape that is refused" },
	{ ROUTE("match: { path: '/a?b' }\n  handle: bare-one"), 2, 18,
	  "'path': '/a?b' has a query; a route matches paths alone" },
	{ ROUTE("match: { host: Example.org }\n  handle: bare-one"), 2, 18,
	  "'host': a host is matched in lower case; write 'example.org'" },
	{ ROUTE("match: { host: 'example.org:80' }\n  handle: bare-one"), 2, 18,
	  "'host': a host is matched without its port; write the name alone" },
	{ ROUTE("match: { host: 'http://a' }\n  handle: bare-one"), 2, 18,
	  "'host': a host has no scheme; write the name alone" },
	{ ROUTE("match: { host: '*' }\n  handle: bare-one"), 2, 18,
	  "'host': a route without 'host' takes every host: leave it out" },
	{ ROUTE("match: { host: 'a.*.b' }\n  handle: bare-one"), 2, 18,
	  "'host': 'a.*.b' is no host; write a name, or '*.example.org' for all below it" },
	{ ROUTE("match: { method: get }\n  handle: bare-one"), 2, 20,
	  "'method': 'get' is no method; did you mean 'GET'?" },
	{ ROUTE("match: { method: 'G T' }\n  handle: bare-one"), 2, 20,
	  "'method': 'G T' is no method; did you mean 'GET'?" },
	{ ROUTE("match: { path: [] }\n  handle: bare-one"), 2, 18,
	  "'path' must have at least 1 entry, but it has 0" },
	{ ROUTE("match: { path: /v1 }"), 2, 3, "'routes' needs the key 'handle'" },
	{ ROUTE("handle: []"), 2, 11, "'handle' names no module, so this route could not answer" },
	{ ROUTE("handle:"), 2, 10, "'handle' names no module, so this route could not answer" },
	{ ROUTE("handle: [[]]"), 2, 12,
	  "an item of 'handle' is the name of a module, or a name with its options, but this is a "
	  "list" },
	{ ROUTE("handle: evrey"), 2, 11, "unknown module 'evrey'; did you mean 'every'?" },
	{ ROUTE("handle:\n  - bare_noe: {}"), 3, 5,
	  "unknown module 'bare_noe'; did you mean 'bare-one'?" },
	{ ROUTE("handle: cache"), 2, 11,
	  "unknown module 'cache'; `gatehouse modules` lists those that are there" },
	{ ROUTE("handle:\n  - every:\n    number: 3"), 4, 5,
	  "'number' is an option of 'every': indent it further" },
	{ ROUTE("handle:\n  - bare-one:\n    every: {}"), 4, 5,
	  "each module of 'handle' is an item of its own: write '- every:'" },
	{ ROUTE("handle: [bare-one: { x: 1 }]"), 2, 24,
	  "unknown key 'x' of module 'bare-one'; it has no options" },
	{ ROUTE("handle: [proxy]"), 2, 12, "module 'proxy' needs the key 'to'" },
	{ "routes:\n- handle: bare-one\n- match: /v1\n  handle: bare-one\n", 3, 3,
	  "no request reaches the route in line 3: the one in line 2 takes all of them; put this "
	  "one "
	  "above it" },
	{ "routes:\n- match: { path: /v1, host: '*.b.org' }\n  handle: bare-one\n"
	  "- match: { path: /v1/x, host: [a.b.org, c.b.org], method: GET }\n  handle: bare-one\n",
	  4, 3,
	  "no request reaches the route in line 4: the one in line 2 takes all of them; put this "
	  "one "
	  "above it" },

	/* A route whose match is not what was meant does not make later ones unreachable. */
	{ "routes:\n- mtach: /v1\n  handle: bare-one\n- match: /v2\n  handle: bare-one\n", 2, 3,
	  "unknown key 'mtach' of 'routes'; did you mean 'match'?" },
	{ "routes:\n- match: { pth: /v1 }\n  handle: bare-one\n- match: /v2\n  handle: bare-one\n",
	  2, 12, "unknown key 'pth' of 'match'; did you mean 'path'?" },
	{ "routes:\n- match: { path: /v1, host: '' }\n  handle: bare-one\n"
	  "- match: /v1\n  handle: bare-one\n",
	  2, 29, "'host': '' is no host; write a name, or '*.example.org' for all below it" },

	/* Each type of option. */
	{ EVERY("flag: yes"), 4, 13,
	  "'flag' must be true or false, but it is 'yes'; did you mean 'true'?" },
	{ EVERY("flag: 'Off'"), 4, 13,
	  "'flag' must be true or false, but it is 'Off'; did you mean 'false'?" },
	{ EVERY("flag: []"), 4, 13,
	  "'flag' must be a single value, but it is a list; a text with { or [ in it must stand in "
	  "quotes" },
	{ EVERY("number: 1.5"), 4, 15, "'number' must be a whole number, but it is '1.5'" },
	{ EVERY("number: 10k"), 4, 15,
	  "'number' must be a whole number, but it is '10k'; did you mean '10000'?" },
	{ EVERY("number: -2M"), 4, 15,
	  "'number' must be a whole number, but it is '-2M'; did you mean '-2000000'?" },
	{ EVERY("number: 10 k"), 4, 15, "'number' must be a whole number, but it is '10 k'" },
	{ EVERY("number: 100"), 4, 15, "'number' must be -5 to 99, but it is '100'" },
	{ EVERY("number: -6"), 4, 15, "'number' must be -5 to 99, but it is '-6'" },
	{ EVERY("number: 99999999999999999999"), 4, 15,
	  "'number' must be a whole number, but it is '99999999999999999999'" },
	{ EVERY("word: forbidden"), 4, 13,
	  "'word': the word 'forbidden' is forbidden; write another" },
	{ EVERY("word: 123456789012345678901"), 4, 13,
	  "'word' must be a text of at most 20 bytes, but it is '123456789012345678901'" },
	{ EVERY("word: \"a\\0b\""), 4, 13, "a text may not have a NUL byte in it" },
	{ EVERY("wait: 5sec"), 4, 13,
	  "'wait' must be a duration such as 250ms, 10s, 5m, 2h or 1d, but it is '5sec'; did you "
	  "mean '5s'?" },
	{ EVERY("wait: 5M"), 4, 13,
	  "'wait' must be a duration such as 250ms, 10s, 5m, 2h or 1d, but it is '5M'; did you "
	  "mean "
	  "'5m'?" },
	{ EVERY("wait: 9ms"), 4, 13, "'wait' must be 10ms to 1h, but it is '9ms'" },
	{ EVERY("wait: -1s"), 4, 13,
	  "'wait' must be a duration such as 250ms, 10s, 5m, 2h or 1d, but it is '-1s'" },
	{ EVERY("wait: 999999999999999999d"), 4, 13,
	  "'wait' must be a duration such as 250ms, 10s, 5m, 2h or 1d, but it is "
	  "'999999999999999999d'; that is more than can be counted" },
	{ EVERY("room: 10MB"), 4, 13,
	  "'room' must be a size such as 512, 64k, 10M or 2G, but it is '10MB'; did you mean "
	  "'10M'?" },
	{ EVERY("room: 10m"), 4, 13,
	  "'room' must be a size such as 512, 64k, 10M or 2G, but it is '10m'; did you mean "
	  "'10M'?" },
	{ EVERY("room: 512"), 4, 13, "'room' must be 1k to 1G, but it is '512'" },
	{ EVERY("amount: 10K"), 4, 15,
	  "'amount' must be a count such as 100, 100k or 2M, but it is '10K'; did you mean "
	  "'10k'?" },
	{ EVERY("amount: 1.5M"), 4, 15,
	  "'amount' must be a count such as 100, 100k or 2M, but it is '1.5M'" },
	{ EVERY("amount: many"), 4, 15,
	  "'amount' must be a count such as 100, 100k or 2M, but it is 'many'" },
	{ EVERY("amount: 9999999999999999999"), 4, 15,
	  "'amount' must be a count such as 100, 100k or 2M, but it is '9999999999999999999'" },
	{ EVERY("amount: 99999999999G"), 4, 15,
	  "'amount' must be a count such as 100, 100k or 2M, but it is '99999999999G'; that is "
	  "more than can be counted" },
	{ EVERY("amount: 1G"), 4, 15, "'amount' must be 10 to 3M, but it is '1G'" },
	{ EVERY("colour: gren"), 4, 15,
	  "'colour' must be 'red', 'green' or 'blue', but it is 'gren'; did you mean 'green'?" },
	{ EVERY("colour: black"), 4, 15,
	  "'colour' must be 'red', 'green' or 'blue', but it is 'black'" },
	{ EVERY("names: [a, forbidden]"), 4, 18,
	  "'names': the word 'forbidden' is forbidden; write another" },
	{ EVERY("names: [a, b, c, d]"), 4, 14, "'names' must have 1 to 3 entries, but it has 4" },
	{ EVERY("names: [a, [b]]"), 4, 18,
	  "'names' must be a single value, but it is a list; a text with { or [ in it must stand "
	  "in "
	  "quotes" },
	{ EVERY("pairs: [a]"), 4, 14,
	  "'pairs' must be a mapping of names to values, but it is a list" },
	{ EVERY("pairs: { a: b, c }"), 4, 24,
	  "'c' has no value; a text with a comma in it must stand in quotes" },
	{ EVERY("pairs: { a: forbidden }"), 4, 19,
	  "'a': the word 'forbidden' is forbidden; write another" },
	{ EVERY("inner: { deep: maybe }"), 4, 22,
	  "'deep' must be true or false, but it is 'maybe'" },
	{ EVERY("inner: { dep: true }"), 4, 16,
	  "unknown key 'dep' of 'inner'; did you mean 'deep'?" },
	{ EVERY("inner: 5"), 4, 14,
	  "'inner' must be a mapping with keys such as deep, note, but it is '5'" },
	{ EVERY("parts: [{ requests: 0 }]"), 4, 27, "'requests' must be 1 to 1000, but it is '0'" },
	{ EVERY("parts: [{ window: 1m }]"), 4, 15, "'parts' needs the key 'requests'" },
	{ EVERY("parts: [{ request: 1 }]"), 4, 17,
	  "unknown key 'request' of 'parts'; did you mean 'requests'?" },
	{ EVERY("parts: [5]"), 4, 15,
	  "'parts' must be a mapping with keys such as requests, window, but it is '5'" },
	{ EVERY("members: { bob: { level: 10 } }"), 4, 32,
	  "'level' must be 1 to 9, but it is '10'" },
	{ EVERY("members: { bob: { rule: x } }"), 4, 25,
	  "unknown key 'rule' of 'bob'; did you mean 'role'?" },
	{ EVERY("members: [bob]"), 4, 16,
	  "'members' must be a mapping of names to entries, but it is a list" },
	{ EVERY("{ number: 3, t=2 }"), 4, 20,
	  "this key has no value; a value with a comma in it must stand in quotes" },

	/* Secrets: told without their value. */
	{ EVERY("token: short"), 4, 14, "'token' must be a text of at least 8 bytes" },
	{ EVERY("token: forbidden"), 4, 14, "'token': its value is not of the right form" },
	{ EVERY("token: [forbidden]"), 4, 14, "'token' must be a single value" },
	{ EVERY("users: { bob: [forbidden] }"), 4, 21, "'bob' must be a single value" },
	{ EVERY("users: { bob: $2b$10, t=2 }"), 4, 29,
	  "an entry of 'users' has no value; a value with a comma in it must stand in quotes" },

	/* References. */
	{ EVERY("word: ${NAME}"), 4, 13,
	  "a '${' begins neither ${env:NAME} nor ${file:PATH}; write $${ where '${' itself is "
	  "meant" },
	{ EVERY("word: ${env:}"), 4, 13,
	  "a '${' begins neither ${env:NAME} nor ${file:PATH}; write $${ where '${' itself is "
	  "meant" },
	{ EVERY("word: ${env:A"), 4, 13,
	  "a '${' begins neither ${env:NAME} nor ${file:PATH}; write $${ where '${' itself is "
	  "meant" },
	{ EVERY("word: ${env:GATEHOUSE_TEST_UNSET}"), 4, 13,
	  "the environment variable 'GATEHOUSE_TEST_UNSET' is not set" },
	{ EVERY("word: ${file:/nonexistent/x}"), 4, 13,
	  "the file '/nonexistent/x' cannot be used: No such file or directory" },
	{ EVERY("word: ${file:/dev}"), 4, 13,
	  "the file '/dev' cannot be used: it is no regular file" },
	{ EVERY("pairs: { '${env:PATH}': x }"), 4, 16,
	  "a ${…} stands for a value; a key cannot have it" },

	/* Syntax. */
	{ EVERY("{ word: ${env:A} }"), 4, 16,
	  "this is no YAML: did not find expected ',' or '}'; put the value that has ${…} in "
	  "quotes, "
	  "as in \"${env:NAME}\"" },
	{ EVERY("word: a: b"), 4, 14,
	  "this is no YAML: mapping values are not allowed in this context; a value with ': ' in "
	  "it "
	  "must stand in quotes; or the line is not indented like its neighbours" },
	{ EVERY("word: \"abc"), 4, 13, "a quote opens here and is never closed" },
	{ ROUTE("match: { host: *.example.org }"), 2, 19,
	  "this is no YAML: did not find expected alphabetic or numeric character; a value that "
	  "begins with * or & must stand in quotes, as in \"*.example.org\"" },
	{ ROUTE("match: { host: *there }"), 2, 18,
	  "no '&there' stands above for '*there'; a value that begins with * must stand in "
	  "quotes" },
	{ TOP("listen: [::1]:80"), 1, 10,
	  "this is no YAML: did not find expected node content; put an address that begins with [ "
	  "in "
	  "quotes, as in \"[::1]:8080\"" },
	{ TOP("user: @me"), 1, 7,
	  "this is no YAML: found character that cannot start any token; a value that begins with "
	  "one of * & ! % @ ` | > must stand in quotes" },
	{ "routes:\n\t- handle: bare-one\n", 2, 1,
	  "this is no YAML: found character that cannot start any token; indent with spaces: a tab "
	  "stands here" },
	{ "routes: &r\n- *r\n", 2, 3, "'*r' stands inside of what it names" },
	{ "a: &k x\n*k : y\n", 2, 1, "an alias may be a value, but not a key" },
	{ "routes:\n\xff\n", 0, 0,
	  "byte 9 is not text (invalid leading UTF-8 octet); save the file as UTF-8" },
};

static void each_mistake_is_told_at_its_place_with_its_mend(void **state)
{
	unsigned failed = 0;

	(void)state;
	assert_true(GH_COUNT_OF(slips) >= 80);
	for (size_t i = 0; i < GH_COUNT_OF(slips); i++) {
		const struct slip *s = &slips[i];
		char expected[1200];

		if (read_yaml(s->yaml)) {
			print_error("slip %zu is taken for good:\n%s", i, s->yaml);
			failed++;
			continue;
		}
		if (s->line)
			snprintf(expected, sizeof(expected), "gateway.yaml:%u:%u: %s\n", s->line,
				 s->column, s->what);
		else
			snprintf(expected, sizeof(expected), "gateway.yaml: %s\n", s->what);
		struct gh_str text = gh__mistakes_text(mistakes);
		if (!gh_str_starts(text, gh_str(expected)) || gh__mistakes_count(mistakes) != 1) {
			print_error("slip %zu:\n%s\nexpected:\n%s\ngot:\n" GH_FMT, i, s->yaml,
				    expected, GH_ARG(text));
			failed++;
		}
	}
	assert_int_equal(failed, 0);
}

static void all_mistakes_are_told_at_once_in_the_order_of_the_file(void **state)
{
	(void)state;
	assert_null(read_yaml("wrokers: 2\n"
			      "listen: nowhere\n"
			      "routes:\n"
			      "  - match: { path: v1 }\n"
			      "    handle:\n"
			      "      - basic_noe\n"
			      "      - evrey: { number: x }\n"
			      "      - every: { number: x, wait: 1, to: studio }\n"
			      "grace: soon\n"));
	const char *at[] = { ":1:1: ",  ":2:9: ",  ":4:20: ", ":6:9: ", ":7:9: ",
			     ":8:26: ", ":8:35: ", ":8:42: ", ":9:8: " };
	const char *text = gh__mistakes_text(mistakes).at;

	assert_int_equal(gh__mistakes_count(mistakes), GH_COUNT_OF(at));
	for (size_t i = 0; i < GH_COUNT_OF(at); i++) {
		text = strstr(text, at[i]);
		if (!text)
			fail_msg("nothing at %s", at[i]);
	}
}

static void the_line_is_quoted_with_a_caret_under_the_column(void **state)
{
	(void)state;
	assert_null(read_yaml(
		"listen: [ \"127.0.0.1:1\", nowhere:x ]\nroutes: [{handle: bare-one}]\n"));
	assert_string_equal(
		gh__mistakes_text(mistakes).at,
		"gateway.yaml:1:26: 'address': 'x' is no port; it must be 1 to 65535, or 0 "
		"for any that is free\n"
		"    1 | listen: [ \"127.0.0.1:1\", nowhere:x ]\n"
		"      |                          ^\n");
}

static void columns_count_characters_and_tabs_are_one(void **state)
{
	(void)state;
	assert_null(read_yaml("user: [ä,\tä]\nroutes: [{handle: bare-one}]\n"));
	assert_string_equal(
		gh__mistakes_text(mistakes).at,
		"gateway.yaml:1:7: 'user' must be a single value, but it is a list; a text "
		"with { or [ in it must stand in quotes\n"
		"    1 | user: […, …]\n"
		"      |       ^\n");
	assert_null(read_yaml("routes:\n- match: { path: [/ä,\tv1] }\n  handle: bare-one\n"));
	assert_non_null(strstr(gh__mistakes_text(mistakes).at,
			       "gateway.yaml:2:23: 'path': a path begins with '/': did you mean "
			       "'/v1'?\n    2 | - match: { path: [/ä, v1] }\n"
			       "      |                       ^\n"));
}

static void a_long_line_is_cut_around_the_caret(void **state)
{
	char yaml[4000] = "listen: [";

	(void)state;
	for (int i = 0; i < 100; i++)
		snprintf(yaml + strlen(yaml), 30, "\"127.0.0.1:%d\", ", 1000 + i);
	snprintf(yaml + strlen(yaml), 200,
		 "nowhere, \"127.0.0.1:5000\"]\nroutes: [{handle: bare-one}]");
	assert_null(read_yaml(yaml));
	const char *line = strstr(gh__mistakes_text(mistakes).at, "\n    1 | …");
	assert_non_null(line);
	const char *caret = strstr(line + 1, "\n      | ");
	assert_non_null(caret);
	assert_true(caret - line < 130);
	/* The caret stands under the word; the `…` before it has three bytes and one column. */
	size_t at = strcspn(caret + 1, "^");
	assert_memory_equal(line + 1 + at + 2, "nowhere", 7);
}

static void what_a_terminal_would_obey_is_not_passed_on(void **state)
{
	(void)state;
	assert_null(read_yaml("\"us\\x1b[31mer\\u009b\": x\nroutes: [{handle: bare-one}]\n"));
	struct gh_str text = gh__mistakes_text(mistakes);
	assert_null(memchr(text.at, 0x1b, text.len));
	assert_null(memmem(text.at, text.len, "\xc2\x9b", 2));
	assert_non_null(strstr(text.at, "unknown key 'us?[31mer?"
					"?'"));
}

static void past_fifty_mistakes_are_counted(void **state)
{
	char yaml[4000] = "routes: [{handle: bare-one}]\n";

	(void)state;
	for (int i = 0; i < 60; i++)
		snprintf(yaml + strlen(yaml), 30, "zzzzzz%d: 1\n", i);
	assert_null(read_yaml(yaml));
	assert_int_equal(gh__mistakes_count(mistakes), 60);
	struct gh_str text = gh__mistakes_text(mistakes);
	assert_non_null(strstr(text.at, "zzzzzz49"));
	assert_null(strstr(text.at, "zzzzzz50"));
	assert_non_null(strstr(text.at, "\nand 10 more\n"));
}

static void a_mistake_of_provision_is_told_like_any_other(void **state)
{
	(void)state;
	read_good("routes:\n- handle:\n  - bare-one\n  - every: { token: hunter2hunter2 }\n");
	gh__mistake(mistakes, &config->routes[0].handlers[1].place, "it cannot be %s", "set up");
	assert_string_equal(gh__mistakes_text(mistakes).at,
			    "gateway.yaml:4:5: it cannot be set up\n"
			    "    4 |   - every: { token: … }\n"
			    "      |     ^\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_mistake_is_told_at_its_place_with_its_mend, forget),
		cmocka_unit_test_teardown(all_mistakes_are_told_at_once_in_the_order_of_the_file,
					  forget),
		cmocka_unit_test_teardown(the_line_is_quoted_with_a_caret_under_the_column, forget),
		cmocka_unit_test_teardown(columns_count_characters_and_tabs_are_one, forget),
		cmocka_unit_test_teardown(a_long_line_is_cut_around_the_caret, forget),
		cmocka_unit_test_teardown(what_a_terminal_would_obey_is_not_passed_on, forget),
		cmocka_unit_test_teardown(past_fifty_mistakes_are_counted, forget),
		cmocka_unit_test_teardown(a_mistake_of_provision_is_told_like_any_other, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
