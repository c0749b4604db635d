#include "core/config/gateway.h"

#include "core/config/bind.h"
#include "core/config/check.h"
#include "core/config/handle.h"

enum { DAY = 86400000 /* in ms: no wait is longer */ };

static const char *const balances[] = { "round_robin", "least_busy", NULL };
static const char *const cold_starts[] = { "one", "all", NULL };
static const char *const identities[] = { "none", "tailscale", NULL };
static const char *const log_formats[] = { "json", "combined", NULL };

static const struct gh_option timeouts_rows[] = {
	GH_OPTION(struct gh__timeouts_config, handshake, "10s",
		  "How long a client may take for TLS and, before that, for a PROXY header.",
		  .min = 1, .max = DAY),
	GH_OPTION(struct gh__timeouts_config, head, "30s",
		  "How long a client may take to send the head of a request.", .min = 1,
		  .max = DAY),
	GH_OPTION(struct gh__timeouts_config, body, "60s",
		  "How long a client may pause while it sends a body.", .min = 1, .max = DAY),
	GH_OPTION(struct gh__timeouts_config, idle, "120s",
		  "How long a connection may wait for its next request.", .min = 1, .max = DAY),
	GH_OPTION(struct gh__timeouts_config, write, "60s",
		  "How long a client may take nothing of an answer that is there for it.", .min = 1,
		  .max = DAY),
	GH_OPTIONS_END
};

static const struct gh_option limits_rows[] = {
	GH_OPTION(struct gh__limits_config, head, "64k",
		  "Bytes of a request's head; a larger one gets 431.", .min = 1024,
		  .max = 256 * 1024),
	GH_OPTION(struct gh__limits_config, headers, "100",
		  "Fields of a request's head; more get 431.", .min = 1, .max = 1000),
	GH_OPTION(
		struct gh__limits_config, body, "64M",
		"Bytes of a body that a module may hold in memory because it needs all of it; all "
		"that are held at once may have four times as many. "
		"Bodies that only pass are not counted: see `max_body` of a route.",
		.max = (int64_t)4 << 30),
	GH_OPTION(struct gh__limits_config, connections, "0",
		  "Open connections of clients; 0: as many as the limit of open files allows.",
		  .max = 10000000),
	GH_OPTION(struct gh__limits_config, connections_per_address, "0",
		  "Open connections of one client address; 0: no limit. Unix sockets and "
		  "`trusted_proxies` are not counted.",
		  .max = 10000000),
	GH_OPTION(struct gh__limits_config, handshakes_per_address, "20",
		  "Handshakes of TLS that one client address may begin in a second, in bursts of "
		  "ten times as many; 0: no limit. IPv6 addresses count by their /64. Loopback and "
		  "unix sockets are not counted.",
		  .max = 100000),
	GH_OPTIONS_END
};

static const struct gh_option access_rows[] = {
	GH_OPTION(struct gh__access_log_config, to, "stdout",
		  "Where the access log goes: `stdout`, `off`, or the absolute path of a file, "
		  "which is opened again on SIGUSR1.",
		  .flags = GH_SHORT, .check = gh__check_log_file),
	GH_OPTION(struct gh__access_log_config, format, "json",
		  "A JSON object a line, or the combined form of other web servers.",
		  .choices = log_formats),
	GH_OPTION(struct gh__access_log_config, roll_size, "100M",
		  "Begin a new file at this size; 0: never.", .max = (int64_t)1 << 40),
	GH_OPTION(struct gh__access_log_config, keep, "5", "How many rolled files stay.",
		  .max = 1000),
	GH_OPTIONS_END
};

static const struct gh_option log_rows[] = {
	GH_OPTION(struct gh__log_config, access, NULL,
		  "One line a request. Neither prompts nor answers nor credentials are in it.",
		  .fields = access_rows),
	GH_OPTIONS_END
};

static const struct gh_option usage_rows[] = {
	GH_OPTION(struct gh__usage_config, keep, "400d",
		  "For how long; 0: nothing is kept, and what there was is deleted.",
		  .flags = GH_SHORT, .max = (int64_t)36500 * DAY),
	GH_OPTIONS_END
};

const struct gh_option gh__admin_rows[] = {
	GH_OPTION(struct gh__admin_config, address, "unix:/run/gatehouse/admin.sock",
		  "Where metrics, status and reload are: `unix:/PATH`, `HOST:PORT` on loopback, or "
		  "`off`. A user other than root who has `XDG_RUNTIME_DIR` gets "
		  "`gatehouse-admin.sock` in there by default.",
		  .flags = GH_SHORT, .check = gh__check_admin),
	GH_OPTION(struct gh__admin_config, mode, "0600", "The mode of the unix socket, in octal.",
		  .check = gh__check_mode),
	GH_OPTIONS_END
};

static const struct gh_option health_rows[] = {
	GH_OPTION(struct gh__health_config, path, "",
		  "Ask for this path, such as `/v1/models`, and take an address that does not "
		  "answer 2xx or 3xx out of use. Empty: do not ask.",
		  .flags = GH_SHORT, .check = gh__check_target),
	GH_OPTION(struct gh__health_config, interval, "10s", "How often.", .min = 10, .max = DAY),
	GH_OPTION(struct gh__health_config, timeout, "5s", "How long an answer may take.", .min = 1,
		  .max = DAY),
	GH_OPTIONS_END
};

const struct gh_option gh__upstream_rows[] = {
	GH_OPTION(struct gh_upstream, to, NULL,
		  "Its addresses: `http://HOST[:PORT]` or `unix:/PATH`.",
		  .flags = GH_REQUIRED | GH_SHORT, .min = 1, .max = 64,
		  .check = gh__check_endpoint),
	GH_OPTION(struct gh_upstream, balance, "round_robin",
		  "Which of several addresses takes the next request: one after the other, or the "
		  "one with the fewest open requests.",
		  .choices = balances),
	GH_OPTION(struct gh_upstream, connect_timeout, "5s", "How long a connection may take.",
		  .min = 1, .max = DAY),
	GH_OPTION(struct gh_upstream, first_byte_timeout, "0s",
		  "How long the first byte of an answer may take; 0: for ever, since a long prompt "
		  "takes long.",
		  .max = DAY),
	GH_OPTION(struct gh_upstream, idle_timeout, "5m",
		  "How long an answer that has begun may pause; its head, from the first byte on, "
		  "may take so long in all, or `first_byte_timeout` where that is shorter. "
		  "0: for ever.",
		  .max = DAY),
	GH_OPTION(struct gh_upstream, keepalive, "4s",
		  "How long an idle connection is kept; less than the server keeps it, and many "
		  "close at 5 seconds. 0: not at all.",
		  .max = DAY),
	GH_OPTION(struct gh_upstream, fail_timeout, "2s",
		  "How long an address that failed is passed over while another is there.",
		  .max = DAY),
	GH_OPTION(struct gh_upstream, max_idle, "1024",
		  "Idle connections that are kept, for each worker and address.", .max = 65536),
	GH_OPTION(struct gh_upstream, max_concurrent, "0",
		  "How many requests it works on at once; further ones wait for their turn, which "
		  "callers take one after the other. 0: any number.",
		  .max = 65536),
	GH_OPTION(struct gh_upstream, queue, "256",
		  "How many requests may wait; one more gets 429 with Retry-After.",
		  .max = 1000000),
	GH_OPTION(struct gh_upstream, queue_timeout, "2m",
		  "How long a request may wait before it gets 503; 0: for ever.", .max = DAY),
	GH_OPTION(struct gh_upstream, cold_start, "one",
		  "While a model that is not loaded is being asked for: whether further requests "
		  "for it wait until it is loaded, or `all` go to the server at once.",
		  .choices = cold_starts),
	GH_OPTION(struct gh_upstream, key, "",
		  "The key that the server wants: sent as `Authorization: Bearer KEY` in place of "
		  "what the client sent.",
		  .flags = GH_SECRET, .min = 1, .max = 4096, .check = gh__check_bearer),
	GH_OPTION(struct gh_upstream, assemble, "false",
		  "For servers, such as llama.cpp, that work on when a client leaves that does not "
		  "stream: they are asked for a stream, and its pieces are put together here to "
		  "the one answer."),
	GH_OPTION(struct gh_upstream, health, NULL, "Checks whether it is well.",
		  .fields = health_rows),
	GH_OPTIONS_END
};

const struct gh_option gh__listen_rows[] = {
	GH_OPTION(struct gh__listen_config, address, NULL,
		  "`HOST:PORT`, `[IPV6]:PORT`, `:PORT` for every interface, or `unix:/PATH`. HOST "
		  "is an IP address or `localhost`; port 0 takes any that is free.",
		  .flags = GH_REQUIRED | GH_SHORT, .check = gh__check_listen),
	GH_OPTION(struct gh__listen_config, mode, NULL,
		  "The mode of the unix socket, in octal: 0660 by default, 0600 with `identity`.",
		  .check = gh__check_mode),
	{ .name = "tls",
	  .type = (enum gh_option_type)GH__TYPE_SOURCES,
	  .offset = offsetof(struct gh__listen_config, tls),
	  .doc = "Where certificates come from: each a source, or a source with its options. A "
		 "client gets the certificate of the name that it asks for; the first one is for "
		 "all others. With it there is TLS alone on this address; left out, there is "
		 "none." },
	GH_OPTION(struct gh__listen_config, proxy_protocol, NULL,
		  "Addresses and networks whose connections must begin with a PROXY header, v1 or "
		  "v2, and are then taken to come from where it says; `unix` for everyone who may "
		  "connect to this unix socket. A header from anyone else is no request, and gets "
		  "400.",
		  .max = 64, .check = gh__check_network),
	GH_OPTION(struct gh__listen_config, identity, "none",
		  "Whose word on who calls is believed here: with `tailscale` the fields that "
		  "`tailscale serve` sets. On unix sockets alone, and with a mode that lets nobody "
		  "but the owner connect, since whoever connects can claim any name.",
		  .choices = identities),
	GH_OPTION(struct gh__listen_config, h2c, "false",
		  "Also HTTP/2 without TLS, for clients that begin with it. With `tls` both "
		  "versions are there anyway."),
	GH_OPTIONS_END
};

static const struct gh_option match_rows[] = {
	GH_OPTION(struct gh__match_config, path, NULL,
		  "Paths, each with all that is below it: `/v1` takes `/v1` and `/v1/models`, not "
		  "`/v10`. None: every path.",
		  .flags = GH_SHORT, .min = 1, .check = gh__check_path),
	GH_OPTION(struct gh__match_config, host, NULL,
		  "Names of hosts, in lower case and without a port; `*.example.org` takes all "
		  "names below `example.org`. None: every host.",
		  .min = 1, .check = gh__check_host),
	GH_OPTION(struct gh__match_config, method, NULL, "Methods, such as GET. None: every one.",
		  .min = 1, .check = gh__check_method),
	GH_OPTIONS_END
};

const struct gh_option gh__route_rows[] = {
	GH_OPTION(struct gh__route_written, name, "",
		  "What logs and metrics call this route; by default its first path, or its "
		  "place, as `routes[0]`.",
		  .max = 64),
	GH_OPTION(struct gh__route_written, match, NULL,
		  "Which requests it takes; left out: all of them. The first route that takes a "
		  "request has it, and a request that none takes gets 404.",
		  .fields = match_rows),
	{ .name = "handle",
	  .type = (enum gh_option_type)GH__TYPE_HANDLERS,
	  .offset = offsetof(struct gh__route_written, handle),
	  .doc = "The modules that a request goes through, in this order: each a name, or a name "
		 "with its options.",
	  .flags = GH_REQUIRED },
	GH_OPTION(struct gh__route_written, max_body, "0",
		  "Bytes of a request's body; a larger one gets 413. 0: no limit.",
		  .max = (int64_t)1 << 50),
	GH_OPTIONS_END
};

const struct gh_option gh__gateway_rows[] = {
	GH_OPTION(struct gh__gateway, workers, "auto",
		  "How many threads serve: `auto` is one a processor; at most 1024.",
		  .check = gh__check_workers),
	GH_OPTION(struct gh__gateway, user, "",
		  "Become this user once the addresses are taken. Empty: stay who you are.",
		  .check = gh__check_user),
	GH_OPTION(
		struct gh__gateway, state_dir, "/var/lib/gatehouse",
		"The folder for what must outlive the process, such as certificates; made when it "
		"is needed. By default systemd's `$STATE_DIRECTORY`; else this one for root and "
		"with `user`; else `gatehouse` in `$XDG_STATE_HOME` or in "
		"`~/.local/state`.",
		.check = gh__check_folder, .min = 1, .max = 3000),
	GH_OPTION(struct gh__gateway, grace, "10s",
		  "How long open requests may go on when gatehouse is told to stop.", .max = DAY),
	GH_OPTION(struct gh__gateway, timeouts, NULL, "How long clients may take.",
		  .fields = timeouts_rows),
	GH_OPTION(struct gh__gateway, limits, NULL, "How much clients may take.",
		  .fields = limits_rows),
	GH_OPTION(
		struct gh__gateway, trusted_proxies, NULL,
		"Addresses and networks of proxies in front, such as `127.0.0.1` or "
		"`10.0.0.0/8`, whose word on the client's address, scheme and request id is taken; "
		"`unix` for whoever may connect to the unix sockets.",
		.max = 1000, .check = gh__check_network),
	GH_OPTION(struct gh__gateway, log, NULL, "Logs.", .fields = log_rows),
	GH_OPTION(struct gh__gateway, usage, NULL,
		  "What requests to models used, kept in `usage.db` of `state_dir` for `gatehouse "
		  "usage`: who, which model, when, how many tokens, how long. Neither prompts nor "
		  "answers nor addresses are in it.",
		  .fields = usage_rows),
	GH_OPTION(struct gh__gateway, admin, NULL,
		  "Metrics, status and reload. Who reaches it needs no password.",
		  .fields = gh__admin_rows),
	GH_OPTION(struct gh__gateway, upstreams, NULL,
		  "Servers behind the gateway, by name: a module's `to` may name one. An address "
		  "in `to` needs no entry here.",
		  .fields = gh__upstream_rows, .item_size = sizeof(struct gh_upstream)),
	GH_OPTION(struct gh__gateway, listen, "127.0.0.1:8080", "Where clients come in.", .min = 1,
		  .max = 256, .fields = gh__listen_rows,
		  .item_size = sizeof(struct gh__listen_config)),
	GH_OPTION(struct gh__gateway, routes, NULL,
		  "What happens to a request. The first route that matches takes it.",
		  .flags = GH_REQUIRED, .min = 1, .fields = gh__route_rows,
		  .item_size = sizeof(struct gh__route_written)),
	GH_OPTIONS_END
};
