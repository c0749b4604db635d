/* Names of fields: their numbers, what they may do, and what is left after a strip. */
#include "heads.h"

static const struct {
	const char *name;
	uint16_t id;
} known[] = {
	{ "accept-encoding", GH__H_ACCEPT_ENCODING },
	{ "authorization", GH__H_AUTHORIZATION },
	{ "connection", GH__H_CONNECTION },
	{ "content-length", GH__H_CONTENT_LENGTH },
	{ "content-type", GH__H_CONTENT_TYPE },
	{ "cookie", GH__H_COOKIE },
	{ "date", GH__H_DATE },
	{ "expect", GH__H_EXPECT },
	{ "forwarded", GH__H_FORWARDED },
	{ "host", GH__H_HOST },
	{ "http2-settings", GH__H_HTTP2_SETTINGS },
	{ "keep-alive", GH__H_KEEP_ALIVE },
	{ "location", GH__H_LOCATION },
	{ "origin", GH__H_ORIGIN },
	{ "proxy-authenticate", GH__H_PROXY_AUTHENTICATE },
	{ "proxy-authorization", GH__H_PROXY_AUTHORIZATION },
	{ "proxy-connection", GH__H_PROXY_CONNECTION },
	{ "referer", GH__H_REFERER },
	{ "retry-after", GH__H_RETRY_AFTER },
	{ "sec-fetch-mode", GH__H_SEC_FETCH_MODE },
	{ "sec-websocket-key", GH__H_SEC_WEBSOCKET_KEY },
	{ "server", GH__H_SERVER },
	{ "te", GH__H_TE },
	{ "trailer", GH__H_TRAILER },
	{ "transfer-encoding", GH__H_TRANSFER_ENCODING },
	{ "upgrade", GH__H_UPGRADE },
	{ "user-agent", GH__H_USER_AGENT },
	{ "via", GH__H_VIA },
	{ "x-api-key", GH__H_X_API_KEY },
	{ "x-forwarded-for", GH__H_X_FORWARDED_FOR },
	{ "x-forwarded-host", GH__H_X_FORWARDED_HOST },
	{ "x-forwarded-proto", GH__H_X_FORWARDED_PROTO },
	{ "x-request-id", GH__H_X_REQUEST_ID },
};

static uint16_t number(const char *name, size_t len)
{
	struct gh_str copy = exact((struct gh_str){ name, len });
	uint16_t id = gh__header_number(copy.at, copy.len);

	drop(copy);
	return id;
}

static void every_known_name_has_its_number_in_any_case(void **state)
{
	(void)state;
	assert_int_equal(GH_COUNT_OF(known), GH__H_COUNT - 1);
	for (size_t i = 0; i < GH_COUNT_OF(known); i++) {
		char name[32];
		size_t len = strlen(known[i].name);

		assert_int_equal(number(known[i].name, len), known[i].id);
		for (unsigned pattern = 0; pattern < 4; pattern++) {
			memcpy(name, known[i].name, len);
			for (size_t k = 0; k < len; k++)
				if (name[k] >= 'a' && name[k] <= 'z' && (k + pattern) % 4 < 2)
					name[k] = (char)(name[k] - 0x20);
			assert_int_equal(number(name, len), known[i].id);
		}
	}
}

static void names_that_are_near_have_no_number(void **state)
{
	(void)state;
	assert_int_equal(number("", 0), GH__H_OTHER);
	for (size_t i = 0; i < GH_COUNT_OF(known); i++) {
		char name[32];
		size_t len = strlen(known[i].name);

		assert_int_equal(number(known[i].name, len - 1), GH__H_OTHER);
		snprintf(name, sizeof name, "%sx", known[i].name);
		assert_int_equal(number(name, len + 1), GH__H_OTHER);
		/* Every byte in the place of every other: only case may differ. */
		for (size_t k = 0; k < len; k++) {
			for (int c = 0; c < 256; c++) {
				memcpy(name, known[i].name, len);
				name[k] = (char)c;
				bool same = gh_lower((char)c) == known[i].name[k];
				uint16_t id = number(name, len);
				if (same != (id == known[i].id))
					fail_msg("%s with byte %d at %zu is %d", known[i].name, c,
						 k, id);
			}
		}
	}
}

static unsigned traits(const char *name)
{
	struct gh_header h = { .name = name,
			       .name_len = (uint16_t)strlen(name),
			       .id = gh__header_number(name, strlen(name)) };

	return gh__header_traits(&h);
}

/* What says who calls or where from. Each is tried in many spellings. */
static const char *const owned[] = {
	/* Where from. */
	"X-Forwarded-For",
	"X-Forwarded-Proto",
	"X-Forwarded-Host",
	"X-Forwarded-Port",
	"X-Forwarded-Server",
	"X-Forwarded-Prefix",
	"X-Forwarded-Scheme",
	"X-Forwarded-Ssl",
	"X-Forwarded-Client-Cert",
	"X-Forwarded-Uri",
	"X-Forwarded-Method",
	"X-Forwarded",
	"X-Forwarded-By",
	"X-Forwarded*For",
	"Remote-*-User",
	"X-Forward-For",
	"Forwarded",
	"Forwarded-For",
	"X-Real-IP",
	"X-Real-Port",
	"X-Client-IP",
	"X-ClientIP",
	"Client-IP",
	"True-Client-IP",
	"X-True-Client-IP",
	"X-Cluster-Client-IP",
	"CF-Connecting-IP",
	"CF-Connecting-IPv6",
	"CF-Pseudo-IPv4",
	"CF-IPCountry",
	"CF-Visitor",
	"Fastly-Client-IP",
	"Fly-Client-IP",
	"X-Remote-IP",
	"X-Remote-Addr",
	"Remote-Addr",
	"Remote-Host",
	"X-Originating-IP",
	"X-Original-URL",
	"X-Original-URI",
	"X-Original-Host",
	"X-Original-Forwarded-For",
	"X-Rewrite-URL",
	"X-Host",
	"X-HTTP-Host-Override",
	"X-ProxyUser-Ip",
	"WL-Proxy-Client-IP",
	"Proxy-Client-IP",
	"X-Envoy-External-Address",
	"X-Azure-ClientIP",
	"X-Azure-SocketIP",
	"X-Appengine-User-IP",
	"X-Scheme",
	"X-Url-Scheme",
	"Front-End-Https",
	"X-Script-Name",
	"Script-Name",
	"HTTP-Client-IP",
	"HTTP-X-Forwarded-For",
	"Proxy",
	/* Who. */
	"Remote-User",
	"Remote-Name",
	"Remote-Email",
	"Remote-Groups",
	"X-Remote-User",
	"X-Remote-Group",
	"X-Remote-Email",
	"X-WebAuth-User",
	"X-WebAuth-Email",
	"X-WebAuth-Role",
	"X-Auth-Request-User",
	"X-Auth-Request-Email",
	"X-Auth-Request-Groups",
	"X-Auth-Request-Access-Token",
	"X-Auth-User",
	"X-Auth-Username",
	"X-Auth-Email",
	"X-Authenticated-User",
	"X-Authenticated-Groups",
	"X-Authentik-Username",
	"X-Authentik-Email",
	"X-Forwarded-User",
	"X-Forwarded-Email",
	"X-Forwarded-Groups",
	"X-Forwarded-Preferred-Username",
	"Tailscale-User-Login",
	"Tailscale-User-Name",
	"Tailscale-User-Profile-Pic",
	"Tailscale-App-Capabilities",
	"Tailscale-Headers-Info",
	"X-Tailscale-User",
	"X-OpenWebUI-User-Name",
	"X-OpenWebUI-User-Id",
	"X-OpenWebUI-User-Email",
	"X-OpenWebUI-User-Role",
	"X-User-Email",
	"X-User-Name",
	"X-User-Role",
	"X-User-Groups",
	"X-User-Id",
	"X-User",
	"X-Username",
	"X-Email",
	"X-Role",
	"X-Groups",
	"CF-Access-Authenticated-User-Email",
	"CF-Access-Jwt-Assertion",
	"X-Goog-Authenticated-User-Email",
	"X-Goog-IAP-JWT-Assertion",
	"X-Amzn-Oidc-Identity",
	"X-Amzn-Oidc-Data",
	"X-MS-Client-Principal",
	"X-MS-Client-Principal-Name",
	"X-MS-Token-AAD-Id-Token",
	"X-Pomerium-Jwt-Assertion",
	"X-Vouch-User",
	"X-SSO-User",
	"X-SSL-Client-Verify",
	"X-SSL-Client-S-DN",
	"SSL-Client-Cert",
	"X-Client-Cert",
	"X-Client-DN",
	"X-Client-Verify",
	"X-Gatehouse-Caller",
};

/* What a client may well say, near though it is. */
static const char *const free_names[] = {
	"Accept",
	"Accept-Language",
	"Authorization",
	"Cache-Control",
	"Content-Type",
	"Cookie",
	"Host",
	"Origin",
	"Referer",
	"User-Agent",
	"Via",
	"X-Api-Key",
	"X-Request-Id",
	"Range",
	"If-None-Match",
	"Idempotency-Key",
	"OpenAI-Organization",
	"OpenAI-Beta",
	"Anthropic-Version",
	"Anthropic-Beta",
	"X-Stainless-Lang",
	"X-Stainless-Retry-Count",
	"X-Stainless-Runtime-Version",
	"X-Client-Request-Id",
	"X-Requested-With",
	"Sec-Fetch-Mode",
	"Sec-WebSocket-Key",
	"Sec-WebSocket-Extensions",
	"Expect",
	"X-CSRF-Token",
	"X",
	"X-",
	"_",
	"Remote",
	"Tailscale",
	"X-Forwarder",
	"X-Reality",
	"X-Users",
	"Traceparent",
	"X-HTTP-Method-Override",
	"Content-Lengthy",
	"Last-Event-ID",
	"X-Title",
	"HTTP-Referer",
	"Forward",
	"Client-Id",
	"Cf-Ray",
	"Priority",
	"DNT",
	"X-Usernames",
};

static const char *const hop_by_hop[] = {
	"Connection",
	"Keep-Alive",
	"Proxy-Connection",
	"TE",
	"Trailer",
	"Transfer-Encoding",
	"Upgrade",
	"Proxy-Authenticate",
	"Proxy-Authorization",
	"Proxy-Authentication-Info",
	"HTTP2-Settings",
};

/* Spellings of a name: as it is, lower, upper, and with `_` for all or every other `-`. */
enum { SPELLINGS = 6 };

static void spell(const char *name, unsigned how, char to[64])
{
	size_t i = 0, dashes = 0;

	for (; name[i]; i++) {
		to[i] = name[i];
		if (how % 3 == 1)
			to[i] = gh_lower(name[i]);
		if (how % 3 == 2 && name[i] >= 'a' && name[i] <= 'z')
			to[i] = (char)(name[i] - 0x20);
		if (name[i] == '-' && (how == 5 || how == 3 || (how == 4 && dashes++ % 2 == 0)))
			to[i] = '_';
	}
	to[i] = 0;
}

static void owned_names_are_known_in_every_spelling(void **state)
{
	char name[64];

	(void)state;
	assert_true(GH_COUNT_OF(owned) >= 60);
	for (size_t i = 0; i < GH_COUNT_OF(owned); i++) {
		for (unsigned how = 0; how < SPELLINGS; how++) {
			spell(owned[i], how, name);
			if (!(traits(name) & GH__OWNED))
				fail_msg("%s is let through", name);
		}
	}
}

static void hop_by_hop_names_are_known_in_every_spelling(void **state)
{
	char name[64];

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(hop_by_hop); i++) {
		for (unsigned how = 0; how < SPELLINGS; how++) {
			spell(hop_by_hop[i], how, name);
			if (!(traits(name) & GH__HOP))
				fail_msg("%s is let through", name);
		}
	}
	assert_true(traits("Content-Length") & GH__FRAMING);
	assert_true(traits("Content_Length") & GH__FRAMING);
	assert_true(traits("Transfer-Encoding") & GH__FRAMING);
	assert_true(traits("transfer_encoding") & GH__FRAMING);
}

static void other_names_are_free(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(free_names); i++)
		if (traits(free_names[i]))
			fail_msg("%s has traits %u", free_names[i], traits(free_names[i]));
}

/* ---- Strip ---- */

static struct gh__arena arena;

static int begin(void **state)
{
	(void)state;
	gh__arena_init(&arena, NULL, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	gh__arena_finish(&arena);
	return 0;
}

/* Fields from `NAME:VALUE|NAME:VALUE`, and back. */
static void fields_from(struct gh_headers *h, const char *text)
{
	struct gh_str rest = gh_str(text);

	gh__headers_init(h, &arena);
	while (rest.len) {
		const char *bar = memchr(rest.at, '|', rest.len);
		size_t len = bar ? (size_t)(bar - rest.at) : rest.len;
		const char *colon = memchr(rest.at, ':', len);

		assert_non_null(colon);
		size_t name_len = (size_t)(colon - rest.at);
		gh__headers_push(h, gh__header_number(rest.at, name_len),
				 (struct gh_str){ rest.at, name_len },
				 (struct gh_str){ colon + 1, len - name_len - 1 });
		rest = gh_str_slice(rest, bar ? len + 1 : len, rest.len);
	}
}

static const char *text_of(const struct gh_headers *h)
{
	struct gh_str s = GH_STR("");

	for (uint32_t i = 0; i < h->count; i++)
		s = gh__arena_printf(&arena, GH_FMT "%s" GH_FMT ":" GH_FMT, GH_ARG(s), i ? "|" : "",
				     GH_ARG(gh_header_name(&h->items[i])),
				     GH_ARG(gh_header_value(&h->items[i])));
	return s.at;
}

static void strip_leaves_what_may_pass(void **state)
{
	static const struct {
		const char *before, *client, *upstream;
	} cases[] = {
		{ "", "", "" },
		{ "Host:a|Accept:b", "Host:a|Accept:b", "Host:a|Accept:b" },
		{ "A:1|Connection:close|B:2", "A:1|B:2", "A:1|B:2" },
		{ "Keep-Alive:x|TE:trailers|Trailer:X|Upgrade:h2c|A:1|Proxy-Connection:close|"
		  "Proxy-Authorization:b|Proxy-Authenticate:b|HTTP2-Settings:c",
		  "A:1", "A:1" },
		{ "Content-Length:5|A:1", "A:1", "A:1" },
		{ "Transfer-Encoding:chunked|A:1", "A:1", "A:1" },
		{ "Transfer_Encoding:chunked|CONTENT_LENGTH:3|A:1", "A:1", "A:1" },
		{ "X-Forwarded-For:1|A:1|Remote_User:x", "A:1",
		  "X-Forwarded-For:1|A:1|Remote_User:x" },
		/* Nominations. */
		{ "Connection:X-A, x-b|X-A:1|X-B:2|X-C:3|x-a:4", "X-C:3", "X-C:3" },
		{ "X-A:1|Connection:x-a", "", "" },
		{ "Connection:x-a|X_A:1|X-B:1", "X-B:1", "X-B:1" },
		{ "Connection:close , ,x-a,|X-A:1|X-B:1", "X-B:1", "X-B:1" },
		{ "Connection:x-a|Connection:x-b|X-A:1|X-B:2|X-C:3", "X-C:3", "X-C:3" },
		{ "Connection:host|Host:a", "Host:a", "Host:a" },
		{ "Connection:Authorization, Cookie|Authorization:a|Cookie:b|A:1", "A:1", "A:1" },
		{ "Connection:keep-alive, close, upgrade, te|A:1", "A:1", "A:1" },
		{ "Connection:x-|X-:1|X-A:1", "X-A:1", "X-A:1" },
		{ "Connection:\"x-a\"|X-A:1", "X-A:1", "X-A:1" },
		{ "Connection:", "", "" },
		{ "Connection:close|Close:x|A:1", "Close:x|A:1", "Close:x|A:1" },
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(cases); i++) {
		struct gh_headers h;

		fields_from(&h, cases[i].before);
		gh__headers_strip(&h, GH__FROM_CLIENT);
		assert_string_equal(text_of(&h), cases[i].client);
		fields_from(&h, cases[i].before);
		gh__headers_strip(&h, GH__FROM_UPSTREAM);
		assert_string_equal(text_of(&h), cases[i].upstream);
	}
}

static void a_spoofed_name_never_passes_a_strip(void **state)
{
	char name[64];

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(owned); i++) {
		for (unsigned how = 0; how < SPELLINGS; how++) {
			struct gh_headers h;

			spell(owned[i], how, name);
			fields_from(&h,
				    gh__arena_printf(&arena, "A:1|%s:admin|%s:root|B:2", name, name)
					    .at);
			gh__headers_strip(&h, GH__FROM_CLIENT);
			assert_string_equal(text_of(&h), "A:1|B:2");
		}
	}
}

/* CVE-2025-48865: what is put in after a strip cannot be named away by the client. */
static void what_is_set_after_a_strip_stays(void **state)
{
	struct gh_headers h;

	(void)state;
	fields_from(&h, "Connection:x-forwarded-for, close|X-Forwarded-For:9.9.9.9|A:1");
	gh__headers_strip(&h, GH__FROM_CLIENT);
	assert_int_equal(gh_header_set(&h, GH_STR("X-Forwarded-For"), GH_STR("192.0.2.1")), 0);
	gh__headers_strip(&h, GH__FROM_UPSTREAM);
	assert_string_equal(text_of(&h), "A:1|X-Forwarded-For:192.0.2.1");
}

/* ---- The public functions ---- */

static void fields_are_found_in_any_case(void **state)
{
	struct gh_headers h;

	(void)state;
	fields_from(&h, "Host:a|X-One:1|x-one:2|Empty:");
	assert_int_equal(gh_header_get(&h, GH_STR("hOST")).at[0], 'a');
	assert_true(gh_str_is(gh_header_get(&h, GH_STR("x-ONE")), "1"));
	assert_ptr_equal(gh_header_find(&h, GH_STR("x-one")), &h.items[1]);
	assert_null(gh_header_find(&h, GH_STR("x_one")));
	assert_null(gh_header_find(&h, GH_STR("x-on")));
	assert_null(gh_header_find(&h, GH_STR("cookie")));
	assert_null(gh_header_find(&h, GH_STR("")));
	assert_int_equal(gh_header_get(&h, GH_STR("cookie")).len, 0);
	assert_non_null(gh_header_get(&h, GH_STR("cookie")).at);
	assert_int_equal(gh_header_get(&h, GH_STR("empty")).len, 0);
	assert_ptr_equal(gh__headers_by_id(&h, GH__H_HOST), &h.items[0]);
	assert_null(gh__headers_by_id(&h, GH__H_COOKIE));
}

static void set_replaces_all_and_add_adds(void **state)
{
	struct gh_headers h;

	(void)state;
	fields_from(&h, "A:1|B:2|a:3|X_Y:4|x-y:5");
	assert_int_equal(gh_header_set(&h, GH_STR("a"), GH_STR(" 9 ")), 0);
	assert_string_equal(text_of(&h), "B:2|X_Y:4|x-y:5|a:9");
	assert_int_equal(gh_header_set(&h, GH_STR("X-Y"), GH_STR("")), 0);
	assert_string_equal(text_of(&h), "B:2|a:9|X-Y:");
	assert_int_equal(gh_header_add(&h, GH_STR("B"), GH_STR("3")), 0);
	assert_string_equal(text_of(&h), "B:2|a:9|X-Y:|B:3");
	assert_int_equal(gh_header_set(&h, GH_STR("Host"), GH_STR("c")), 0);
	assert_int_equal(gh__headers_by_id(&h, GH__H_HOST)->value[0], 'c');
	/* With its own name and value. */
	assert_int_equal(
		gh_header_set(&h, gh_header_name(&h.items[0]), gh_header_value(&h.items[0])), 0);
	assert_string_equal(text_of(&h), "a:9|X-Y:|Host:c|B:2");
}

static void names_and_values_are_copied(void **state)
{
	char name[] = "X-A", value[] = "1";
	struct gh_headers h;

	(void)state;
	gh__headers_init(&h, &arena);
	assert_int_equal(gh_header_add(&h, gh_str(name), gh_str(value)), 0);
	name[0] = value[0] = 'Z';
	assert_string_equal(text_of(&h), "X-A:1");
}

static void what_would_break_a_message_is_not_put_in(void **state)
{
	static const char *const bad_names[] = {
		"",
		"A B",
		"A:",
		"A\r\n",
		"A\n",
		"\x80",
		"A(",
		"Content-Length",
		"content-length",
		"Content_Length",
		"Transfer-Encoding",
		"Connection",
		"Keep-Alive",
		"Upgrade",
		"TE",
		"Trailer",
		"Proxy-Connection",
	};
	static const struct gh_str bad_values[] = {
		GH_STR_INIT("a\r\nB: c"), GH_STR_INIT("a\n"),  GH_STR_INIT("a\r"),
		GH_STR_INIT("a\0b"),      GH_STR_INIT("\x7f"), GH_STR_INIT("a\x1b"),
	};
	struct gh_headers h;

	(void)state;
	fields_from(&h, "A:1");
	for (size_t i = 0; i < GH_COUNT_OF(bad_names); i++) {
		assert_int_equal(gh_header_set(&h, gh_str(bad_names[i]), GH_STR("x")), -1);
		assert_int_equal(gh_header_add(&h, gh_str(bad_names[i]), GH_STR("x")), -1);
	}
	for (size_t i = 0; i < GH_COUNT_OF(bad_values); i++) {
		assert_int_equal(gh_header_set(&h, GH_STR("A"), bad_values[i]), -1);
		assert_int_equal(gh_header_add(&h, GH_STR("A"), bad_values[i]), -1);
	}
	assert_string_equal(text_of(&h), "A:1");
	assert_int_equal(gh_header_set(&h, GH_STR("A"), GH_STR("\xc3\xa4\tb")), 0);
}

static void remove_takes_every_spelling_and_says_how_many(void **state)
{
	struct gh_headers h;

	(void)state;
	fields_from(&h, "A:1|X-B-C:2|x_b-c:3|B:4|X_B_C:5|X-B-CD:6");
	assert_int_equal(gh_header_remove(&h, GH_STR("x-b_C")), 3);
	assert_string_equal(text_of(&h), "A:1|B:4|X-B-CD:6");
	assert_int_equal(gh_header_remove(&h, GH_STR("x-b_C")), 0);
	fields_from(&h, "Host:1|A:2|host:3");
	assert_int_equal(gh__headers_remove_id(&h, GH__H_HOST), 2);
	assert_string_equal(text_of(&h), "A:2");
}

static void a_list_grows_past_its_first_room(void **state)
{
	struct gh_headers h;

	(void)state;
	gh__headers_init(&h, &arena);
	for (int i = 0; i < 300; i++) {
		struct gh_str name = gh__arena_printf(&arena, "x-%d", i);
		assert_int_equal(gh_header_add(&h, name, name), 0);
	}
	assert_int_equal(h.count, 300);
	for (int i = 0; i < 300; i++) {
		struct gh_str name = gh__arena_printf(&arena, "X-%d", i);
		assert_true(gh_str_same(gh_header_get(&h, name), name));
	}
}

static void tokens_and_lists(void **state)
{
	(void)state;
	assert_true(gh__is_token(GH_STR("!#$%&'*+-.^_`|~09azAZ")));
	assert_false(gh__is_token(GH_STR("")));
	for (int c = 0; c < 256; c++) {
		char byte = (char)c;
		bool token = c > 0 && c < 128 &&
			     strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
				    c);
		assert_int_equal(gh__is_token((struct gh_str){ &byte, 1 }), token);
		bool value = c == '\t' || (c >= 0x20 && c != 0x7f);
		assert_int_equal(gh__is_field_value((struct gh_str){ &byte, 1 }), value);
	}
	assert_true(gh__list_has(GH_STR("a, B ,c"), GH_STR("b")));
	assert_true(gh__list_has(GH_STR("a"), GH_STR("A")));
	assert_true(gh__list_has(GH_STR(",,\t a"), GH_STR("a")));
	assert_false(gh__list_has(GH_STR("ab, a b"), GH_STR("a")));
	assert_false(gh__list_has(GH_STR(""), GH_STR("a")));
	assert_false(gh__list_has((struct gh_str){ NULL, 0 }, GH_STR("a")));
}

#define test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(every_known_name_has_its_number_in_any_case),
		test(names_that_are_near_have_no_number),
		test(owned_names_are_known_in_every_spelling),
		test(hop_by_hop_names_are_known_in_every_spelling),
		test(other_names_are_free),
		test(strip_leaves_what_may_pass),
		test(a_spoofed_name_never_passes_a_strip),
		test(what_is_set_after_a_strip_stays),
		test(fields_are_found_in_any_case),
		test(set_replaces_all_and_add_adds),
		test(names_and_values_are_copied),
		test(what_would_break_a_message_is_not_put_in),
		test(remove_takes_every_spelling_and_says_how_many),
		test(a_list_grows_past_its_first_room),
		test(tokens_and_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
