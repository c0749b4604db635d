/*
 * tsnet-cert: certificates for this machine's name in its tailnet, from the tailscaled that runs
 * here. tailscaled gets and renews them; this asks for them in time, and keeps them on disk, so
 * that a start without tailscaled serves all the same.
 */
#include <gatehouse/module.h>

#include <stdio.h>

#include "ask.h"
#include "cache.h"

struct source {
	struct gh_str socket;
	struct gh_strings names;

	/* What provision made of them. */
	const char *path; /* of the socket */
	struct tsnet_names *chosen;
	struct gh_str state_dir;
	struct tsnet_memory *memory;
	uint64_t *
		given; /* the highest serial that core has: at_hand and then renew use it, never both */
};

/* ---- Options ---- */

static const char *path_of(struct gh_str socket)
{
	return socket.at + sizeof "unix:" - 1;
}

static int check_socket(struct gh_str value, char *why, size_t size)
{
	size_t prefix = sizeof "unix:" - 1;

	if (!gh_str_starts(value, GH_STR("unix:/"))) {
		snprintf(why, size,
			 "'" GH_FMT "' is no unix socket by its whole path; write "
			 "unix:/var/run/tailscale/tailscaled.sock",
			 GH_ARG(value));
		return -1;
	}
	if (value.len - prefix > TSNET_SOCKET_MAX) {
		snprintf(why, size, "the path has %zu bytes; a unix socket's has at most %d",
			 value.len - prefix, TSNET_SOCKET_MAX);
		return -1;
	}
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.at[i] < ' ' || value.at[i] == 0x7f) {
			snprintf(why, size,
				 "there is a control character in the path; take it out");
			return -1;
		}
	return 0;
}

static int check_name(struct gh_str value, char *why, size_t size)
{
	char name[TSNET_NAME_SIZE];

	if (tsnet_name_take(value, name) == 0)
		return 0;
	snprintf(why, size,
		 "'" GH_FMT "' is no full name of a host; write it as `tailscale status` shows it, "
		 "such as gpu-server.tail1234.ts.net",
		 GH_ARG(value));
	return -1;
}

static const struct gh_option options[] = {
	GH_OPTION(
		struct source, socket, "unix:/var/run/tailscale/tailscaled.sock",
		"Where tailscaled answers. The user that Gatehouse runs as must be allowed to get "
		"certificates: `sudo tailscale set --operator=USER`.",
		.check = check_socket),
	GH_OPTION(
		struct source, names, NULL,
		"Names to get certificates for; all that tailscaled gives them for when left out. "
		"The first is served to clients that ask for none of them.",
		.check = check_name, .max = TSNET_NAMES_MAX),
	GH_OPTIONS_END
};

static int provision(struct gh_instance *in, void *self_)
{
	struct source *self = self_;

	self->path = path_of(self->socket);
	self->state_dir = gh_state_dir(in);
	self->given = gh_instance_alloc(in, sizeof *self->given);
	self->chosen = gh_instance_alloc(in, sizeof *self->chosen);
	for (size_t i = 0; i < self->names.count; i++) {
		char name[TSNET_NAME_SIZE];

		if (tsnet_name_take(self->names.items[i], name) == 0)
			tsnet_names_add(self->chosen, name);
	}
	self->memory = gh_shared(in, gh_str(self->path), &tsnet_memory_type);
	return 0;
}

/* ---- What core is given, and told ---- */

static bool stopping(const void *sink)
{
	return gh_certificate_stopping(sink);
}

static struct tsnet_asker asker_of(const struct source *self, struct gh_certificate_sink *to)
{
	return (struct tsnet_asker){
		.memory = self->memory,
		.socket = self->path,
		.state_dir = self->state_dir,
		.chosen = self->chosen,
		.status_within_ms = TSNET_STATUS_WITHIN_MS,
		.cert_within_ms = TSNET_CERT_WITHIN_MS,
		.stopping = stopping,
		.arg = to,
	};
}

/* All that are wanted and there, when one of them is newer than what core has. */
static void give(const struct source *self, struct gh_certificate_sink *to)
{
	struct tsnet_memory *m = self->memory;
	const struct tsnet_asker a = asker_of(self, to);
	struct tsnet_pair *pairs[TSNET_NAMES_MAX];
	struct tsnet_names wanted;
	uint64_t newest = 0;
	size_t count = 0;

	pthread_mutex_lock(&m->lock);
	tsnet_ask_wanted(&a, &wanted);
	for (size_t i = 0; i < wanted.count; i++) {
		struct tsnet_held *h = tsnet_memory_find(m, wanted.items[i]);

		if (!h || !h->pair)
			continue;
		pairs[count++] = tsnet_memory_ref(h->pair);
		newest = h->serial > newest ? h->serial : newest;
	}

	bool news = newest > *self->given;

	pthread_mutex_unlock(&m->lock);
	for (size_t i = 0; i < count; i++) {
		/* One that core refuses is given again the next time, for core to say so again. */
		if (news && gh_certificate_give(to, pairs[i]->chain, pairs[i]->key) != 0)
			newest = 0;
		tsnet_memory_unref(m, pairs[i]);
	}
	if (news)
		*self->given = newest;
}

static void join(char *to, size_t size, const char *text)
{
	size_t at = strlen(to);

	if (text[0])
		snprintf(to + at, size - at, "%s%s", at ? "; and " : "", text);
}

/* One sentence of all that is wrong: of the status alone, for the rest follows from it; else of
 * each name, and of the disk. */
static void tell(const struct source *self, struct gh_certificate_sink *to)
{
	struct tsnet_memory *m = self->memory;
	const struct tsnet_asker a = asker_of(self, to);
	struct tsnet_names wanted;
	char text[2048] = "";
	bool some = false;

	pthread_mutex_lock(&m->lock);
	tsnet_ask_wanted(&a, &wanted);
	join(text, sizeof text, m->trouble.text);
	for (size_t i = 0; i < wanted.count; i++) {
		const struct tsnet_held *h = tsnet_memory_find(m, wanted.items[i]);

		some |= h && h->pair;
		if (h && !m->trouble.text[0])
			join(text, sizeof text, h->trouble.text);
	}
	if (!m->trouble.text[0])
		join(text, sizeof text, m->not_written.text);
	pthread_mutex_unlock(&m->lock);
	if (text[0])
		gh_certificate_trouble(to, "%s%s", some ? "" : "no certificate yet: ", text);
}

/* Fills the memory from the disk, where it has nothing; what cannot be used is told. */
static void load(const struct source *self, struct gh_certificate_sink *to)
{
	struct tsnet_memory *m = self->memory;
	const struct tsnet_asker a = asker_of(self, to);
	struct tsnet_names wanted, kept;

	tsnet_cache_names(self->state_dir, self->path, &kept);
	pthread_mutex_lock(&m->lock);
	if (!m->domains_told && m->domains.count == 0)
		m->domains = kept;
	tsnet_ask_wanted(&a, &wanted);
	pthread_mutex_unlock(&m->lock);
	for (size_t i = 0; i < wanted.count; i++) {
		struct tsnet_pair *pair;
		struct tsnet_held *h;
		char why[512];

		pthread_mutex_lock(&m->lock);
		h = tsnet_memory_have(m, wanted.items[i]);
		bool there = !h || h->pair;
		pthread_mutex_unlock(&m->lock);
		if (there)
			continue;
		pair = tsnet_cache_read(self->state_dir, wanted.items[i], why, sizeof why);
		if (!pair && why[0])
			gh_certificate_trouble(to, "%s", why);
		pthread_mutex_lock(&m->lock);
		if (pair && !h->pair) {
			tsnet_memory_put(m, h, tsnet_memory_ref(pair));
			h->kept = true;
		}
		pthread_mutex_unlock(&m->lock);
		tsnet_memory_unref(m, pair);
	}
}

/* ---- The source ---- */

static void at_hand(const void *self, struct gh_certificate_sink *to)
{
	const struct source *source = self;

	load(source, to);
	tsnet_ask_hurry(source->memory);
	give(source, to);
	tell(source, to);
}

static int64_t renew(const void *self, struct gh_certificate_sink *to)
{
	const struct source *source = self;
	const struct tsnet_asker a = asker_of(source, to);
	int64_t wait = tsnet_ask_due(&a);

	give(source, to);
	tell(source, to);
	return wait;
}

static const struct gh_certificates certificates = {
	.at_hand = at_hand,
	.renew = renew,
};

const struct gh_module gh_module_tsnet_cert = {
	.name = "tsnet-cert",
	.doc = "The certificate of this machine's name in its tailnet (`NAME.TAILNET.ts.net`), "
	       "from "
	       "the tailscaled that runs here, which gets and renews it. It needs MagicDNS and "
	       "HTTPS Certificates, both under DNS in Tailscale's admin console. Stands under "
	       "`tls` "
	       "of a listener. Certificates are kept in `state_dir`, so that a start without "
	       "tailscaled serves; a new one is taken up without a restart, and no connection is "
	       "dropped.",
	.options = options,
	.self_size = sizeof(struct source),
	.provision = provision,
	.certificates = &certificates,
};
