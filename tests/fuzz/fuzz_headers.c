/*
 * Lists of fields, and the small texts. Each line of the input is a field: it is put in, stripped,
 * set and removed, and its value is read as an address, a network, base64 and a JSON string.
 */
#include <stdio.h>

#include "core/base/memory.h"
#include "core/http/header.h"
#include "core/http/text.h"

/* Names that no client may say, told apart without core's tables. */
static bool spoofed(struct gh_str name)
{
	static const char *const starts[] = {
		"x-forwarded",  "remote-",    "tailscale-", "x-webauth-",        "x-auth-request-",
		"x-openwebui-", "x-real-ip",  "forwarded-", "transfer-encoding", "content-length",
		"keep-alive",   "connection", "upgrade",    "proxy-connection",
	};

	for (size_t i = 0; i < GH_COUNT_OF(starts); i++) {
		size_t k = 0;
		while (k < name.len && starts[i][k] &&
		       (name.at[k] == '_' ? '-' : gh_lower(name.at[k])) == starts[i][k])
			k++;
		bool prefix = starts[i][k - (k > 0)] == '-' ||
			      strcmp(starts[i], "x-forwarded") == 0;
		if (!starts[i][k] && (prefix || k == name.len))
			return true;
	}
	return false;
}

static void check_texts(struct gh__arena *a, struct gh_str s)
{
	struct gh_address address, again;
	struct gh__cidr cidr;
	struct gh_str type;
	char text[46];

	if (gh__address_from(s, &address) == 0) {
		size_t len = gh__address_text(&address, text);
		GH_CHECK(len > 0 && len <= sizeof text);
		GH_CHECK(gh__address_from((struct gh_str){ text, len }, &again) == 0);
		GH_CHECK(gh__address_same(&address, &again));
	}
	if (gh__cidr_from(s, &cidr) == 0) {
		GH_CHECK(cidr.bits <= (cidr.address.family == AF_INET ? 32 : 128));
		GH_CHECK(gh__cidr_has(&cidr, &cidr.address));
	}
	char *json = gh__alloc(s.len * 6 + 1);
	size_t len = gh__json_escape(json, s);
	GH_CHECK(len <= s.len * 6);
	for (size_t i = 0; i < len; i++) {
		GH_CHECK((unsigned char)json[i] >= 0x20 && json[i] != '"');
		if (json[i] == '\\')
			i++;
	}
	gh__free(json);
	char *bytes = gh__alloc(s.len / 4 * 3 + 1);
	int64_t count = gh__base64(s, bytes);
	GH_CHECK(count == -1 || (size_t)count <= s.len / 4 * 3);
	gh__free(bytes);
	gh__error_body(a, GH_SHAPE_OPENAI, 400, NULL, s, &type);
	gh__error_body(a, GH_SHAPE_PLAIN, 400, NULL, s, &type);
}

static void take_line(struct gh__arena *a, struct gh_headers *h, struct gh_headers *made,
		      struct gh_str line)
{
	const char *colon = line.len ? memchr(line.at, ':', line.len) : NULL;
	size_t name_len = colon ? (size_t)(colon - line.at) : line.len;
	struct gh_str name = gh_str_slice(line, 0, name_len);
	struct gh_str value = gh_str_slice(line, name_len + (colon != NULL), line.len);

	check_texts(a, value);
	if (gh_header_add(made, name, value) == 0) {
		GH_CHECK(gh__is_token(name) && gh__is_field_value(value));
		GH_CHECK(gh_header_find(made, name) != NULL);
		GH_CHECK(gh_header_set(made, name, value) == 0);
		GH_CHECK(gh_header_remove(made, name) == 1);
		GH_CHECK(gh_header_set(made, name, value) == 0);
	}
	if (gh__is_token(name) && name.len <= UINT16_MAX && h->count < 100)
		gh__headers_push(h, gh__header_number(name.at, name.len), name, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gh_str rest = { (const char *)data, size };
	struct gh_headers h, made;
	struct gh__arena a;

	gh__arena_init(&a, NULL, 0);
	gh__headers_init(&h, &a);
	gh__headers_init(&made, &a);
	while (rest.len) {
		const char *lf = memchr(rest.at, '\n', rest.len);
		size_t len = lf ? (size_t)(lf - rest.at) : rest.len;
		take_line(&a, &h, &made, gh_str_slice(rest, 0, len));
		rest = gh_str_slice(rest, len + (lf != NULL), rest.len);
	}
	gh__headers_strip(&h, GH__FROM_CLIENT);
	const char *last = NULL;
	for (uint32_t i = 0; i < h.count; i++) {
		GH_CHECK(!spoofed(gh_header_name(&h.items[i])));
		GH_CHECK(h.items[i].name > last); /* the order is kept */
		last = h.items[i].name;
	}
	for (uint32_t i = 0; i < made.count; i++)
		GH_CHECK(!(gh__header_traits(&made.items[i]) & (GH__HOP | GH__FRAMING)));
	gh__arena_finish(&a);
	return 0;
}
