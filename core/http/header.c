#include "core/http/header.h"

#include "core/http/octets.h"

/* ---- Known names ---- */

struct known {
	char name[24]; /* lower case, zeroes behind */
	uint16_t id;
};

/* By length, each ended by an empty name. */
static const struct known len2[] = { { "te", GH__H_TE }, { "", 0 } };
static const struct known len3[] = { { "via", GH__H_VIA }, { "", 0 } };
static const struct known len4[] = { { "host", GH__H_HOST }, { "date", GH__H_DATE }, { "", 0 } };
static const struct known len6[] = { { "cookie", GH__H_COOKIE },
				     { "expect", GH__H_EXPECT },
				     { "origin", GH__H_ORIGIN },
				     { "server", GH__H_SERVER },
				     { "", 0 } };
static const struct known len7[] = { { "referer", GH__H_REFERER },
				     { "trailer", GH__H_TRAILER },
				     { "upgrade", GH__H_UPGRADE },
				     { "", 0 } };
static const struct known len8[] = { { "location", GH__H_LOCATION }, { "", 0 } };
static const struct known len9[] = { { "forwarded", GH__H_FORWARDED },
				     { "x-api-key", GH__H_X_API_KEY },
				     { "", 0 } };
static const struct known len10[] = { { "connection", GH__H_CONNECTION },
				      { "keep-alive", GH__H_KEEP_ALIVE },
				      { "user-agent", GH__H_USER_AGENT },
				      { "", 0 } };
static const struct known len11[] = { { "retry-after", GH__H_RETRY_AFTER }, { "", 0 } };
static const struct known len12[] = { { "content-type", GH__H_CONTENT_TYPE },
				      { "x-request-id", GH__H_X_REQUEST_ID },
				      { "", 0 } };
static const struct known len13[] = { { "authorization", GH__H_AUTHORIZATION }, { "", 0 } };
static const struct known len14[] = { { "content-length", GH__H_CONTENT_LENGTH },
				      { "sec-fetch-mode", GH__H_SEC_FETCH_MODE },
				      { "http2-settings", GH__H_HTTP2_SETTINGS },
				      { "", 0 } };
static const struct known len15[] = { { "accept-encoding", GH__H_ACCEPT_ENCODING },
				      { "x-forwarded-for", GH__H_X_FORWARDED_FOR },
				      { "", 0 } };
static const struct known len16[] = { { "proxy-connection", GH__H_PROXY_CONNECTION },
				      { "x-forwarded-host", GH__H_X_FORWARDED_HOST },
				      { "", 0 } };
static const struct known len17[] = { { "transfer-encoding", GH__H_TRANSFER_ENCODING },
				      { "sec-websocket-key", GH__H_SEC_WEBSOCKET_KEY },
				      { "x-forwarded-proto", GH__H_X_FORWARDED_PROTO },
				      { "", 0 } };
static const struct known len18[] = { { "proxy-authenticate", GH__H_PROXY_AUTHENTICATE },
				      { "", 0 } };
static const struct known len19[] = { { "proxy-authorization", GH__H_PROXY_AUTHORIZATION },
				      { "", 0 } };
static const struct known *const by_length[] = {
	[2] = len2,   [3] = len3,   [4] = len4,   [6] = len6,   [7] = len7,   [8] = len8,
	[9] = len9,   [10] = len10, [11] = len11, [12] = len12, [13] = len13, [14] = len14,
	[15] = len15, [16] = len16, [17] = len17, [18] = len18, [19] = len19,
};

#define EVERY(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Eight bytes of a name against eight of a known one, whose letters are lower case. With bit 0x20 set
 * only a control byte could be mistaken for a digit or `-`: those have neither 0x20 nor 0x40. */
static inline bool same8(const char *name, const char *lower)
{
	uint64_t x, k;

	memcpy(&x, name, sizeof x);
	memcpy(&k, lower, sizeof k);
	return (x | EVERY(0x20)) == k && ((x | x << 1) & EVERY(0x40)) == EVERY(0x40);
}

static inline bool same_known(const char *name, const char *lower, size_t len)
{
	if (len < 8) {
		for (size_t i = 0; i < len; i++)
			if (gh_lower(name[i]) != lower[i])
				return false;
		return true;
	}
	if (!same8(name, lower) || !same8(name + len - 8, lower + len - 8))
		return false;
	return len <= 16 || same8(name + 8, lower + 8);
}

uint16_t gh__header_number(const char *name, size_t len)
{
	if (len >= GH_COUNT_OF(by_length) || !by_length[len])
		return GH__H_OTHER;
	char first = gh_lower(name[0]);
	for (const struct known *k = by_length[len]; k->name[0]; k++)
		if (k->name[0] == first && same_known(name, k->name, len))
			return k->id;
	return GH__H_OTHER;
}

/* ---- Traits ---- */

static const unsigned char known_traits[GH__H_COUNT] = {
	[GH__H_CONNECTION] = GH__HOP,
	[GH__H_CONTENT_LENGTH] = GH__FRAMING,
	[GH__H_FORWARDED] = GH__OWNED,
	[GH__H_HTTP2_SETTINGS] = GH__HOP,
	[GH__H_KEEP_ALIVE] = GH__HOP,
	[GH__H_PROXY_AUTHENTICATE] = GH__HOP,
	[GH__H_PROXY_AUTHORIZATION] = GH__HOP,
	[GH__H_PROXY_CONNECTION] = GH__HOP,
	[GH__H_TE] = GH__HOP,
	[GH__H_TRAILER] = GH__HOP,
	[GH__H_TRANSFER_ENCODING] = GH__HOP | GH__FRAMING,
	[GH__H_UPGRADE] = GH__HOP,
	[GH__H_X_FORWARDED_FOR] = GH__OWNED,
	[GH__H_X_FORWARDED_HOST] = GH__OWNED,
	[GH__H_X_FORWARDED_PROTO] = GH__OWNED,
};

/* Names without a number, and numbered ones for their underscore forms, which an upstream that
 * speaks CGI or WSGI cannot tell from the real ones. A `*` at the end stands for any rest. */
struct rule {
	const char *name;
	unsigned traits;
};

static const struct rule rules_c[] = {
	{ "content-length", GH__FRAMING }, { "client-ip", GH__OWNED },
	{ "cf-access-*", GH__OWNED },      { "cf-connecting-*", GH__OWNED },
	{ "cf-ipcountry", GH__OWNED },     { "cf-pseudo-*", GH__OWNED },
	{ "cf-visitor", GH__OWNED },       { NULL, 0 },
};
static const struct rule rules_f[] = {
	{ "fastly-client-*", GH__OWNED }, { "fly-client-ip", GH__OWNED },
	{ "fly-forwarded-*", GH__OWNED }, { "front-end-https", GH__OWNED },
	{ "forwarded-*", GH__OWNED },     { NULL, 0 },
};
static const struct rule rules_h[] = {
	{ "http2-settings", GH__HOP },    { "http-client-ip", GH__OWNED },
	{ "http-forwarded*", GH__OWNED }, { "http-remote-*", GH__OWNED },
	{ "http-x-*", GH__OWNED },        { NULL, 0 },
};
static const struct rule rules_k[] = { { "keep-alive", GH__HOP }, { NULL, 0 } };
static const struct rule rules_p[] = {
	{ "proxy-connection", GH__HOP },
	{ "proxy-authenticate", GH__HOP },
	{ "proxy-authorization", GH__HOP },
	{ "proxy-authentication-info", GH__HOP },
	{ "proxy", GH__OWNED }, /* HTTP_PROXY of CGI */
	{ "proxy-client-ip", GH__OWNED },
	{ NULL, 0 },
};
static const struct rule rules_r[] = { { "remote-*", GH__OWNED }, { NULL, 0 } };
static const struct rule rules_s[] = {
	{ "ssl-client-*", GH__OWNED },
	{ "script-name", GH__OWNED },
	{ "sm-user*", GH__OWNED }, /* SiteMinder */
	{ NULL, 0 },
};
static const struct rule rules_t[] = {
	{ "transfer-encoding", GH__HOP | GH__FRAMING },
	{ "tailscale-*", GH__OWNED },
	{ "true-client-ip", GH__OWNED },
	{ NULL, 0 },
};
static const struct rule rules_w[] = { { "wl-proxy-*", GH__OWNED }, { NULL, 0 } };

/* Those that begin with `x-`, by the letter behind it. */
static const struct rule rules_x_a[] = {
	{ "x-auth-request-*", GH__OWNED }, { "x-auth-email", GH__OWNED },
	{ "x-auth-groups", GH__OWNED },    { "x-auth-name", GH__OWNED },
	{ "x-auth-role*", GH__OWNED },     { "x-auth-sub*", GH__OWNED },
	{ "x-auth-user*", GH__OWNED },     { "x-authenticated-*", GH__OWNED },
	{ "x-authentik-*", GH__OWNED },    { "x-amzn-oidc-*", GH__OWNED },
	{ "x-amzn-mtls-*", GH__OWNED },    { "x-appengine-*", GH__OWNED },
	{ "x-apigateway-*", GH__OWNED },   { "x-azure-clientip", GH__OWNED },
	{ "x-azure-socketip", GH__OWNED }, { NULL, 0 },
};
static const struct rule rules_x_c[] = {
	{ "x-client-ip*", GH__OWNED },    { "x-client-cert*", GH__OWNED },
	{ "x-client-dn", GH__OWNED },     { "x-client-email", GH__OWNED },
	{ "x-client-user*", GH__OWNED },  { "x-client-verify", GH__OWNED },
	{ "x-clientip", GH__OWNED },      { "x-cluster-client-ip", GH__OWNED },
	{ "x-connecting-ip", GH__OWNED }, { NULL, 0 },
};
static const struct rule rules_x_e[] = {
	{ "x-email", GH__OWNED },
	{ "x-envoy-*", GH__OWNED },
	{ "x-endpoint-api-userinfo", GH__OWNED },
	{ NULL, 0 },
};
static const struct rule rules_x_f[] = {
	{ "x-forwarded*", GH__OWNED },
	{ "x-forward-*", GH__OWNED },
	{ NULL, 0 },
};
static const struct rule rules_x_g[] = {
	{ "x-gatehouse-*", GH__OWNED },
	{ "x-goog-authenticated-*", GH__OWNED },
	{ "x-goog-iap-*", GH__OWNED },
	{ "x-groups", GH__OWNED },
	{ NULL, 0 },
};
static const struct rule rules_x_h[] = {
	{ "x-host", GH__OWNED },
	{ "x-http-host-override", GH__OWNED },
	{ "x-https", GH__OWNED },
	{ NULL, 0 },
};
static const struct rule rules_x_m[] = {
	{ "x-ms-client-principal*", GH__OWNED },
	{ "x-ms-token-*", GH__OWNED },
	{ NULL, 0 },
};
static const struct rule rules_x_o[] = {
	{ "x-openwebui-*", GH__OWNED },
	{ "x-open-webui-*", GH__OWNED },
	{ "x-original-*", GH__OWNED },
	{ "x-originating-*", GH__OWNED },
	{ NULL, 0 },
};
static const struct rule rules_x_p[] = {
	{ "x-pomerium-*", GH__OWNED },
	{ "x-proxy-user*", GH__OWNED },
	{ "x-proxyuser*", GH__OWNED },
	{ NULL, 0 },
};
static const struct rule rules_x_r[] = {
	{ "x-real-*", GH__OWNED }, { "x-remote-*", GH__OWNED }, { "x-rewrite-url", GH__OWNED },
	{ "x-role", GH__OWNED },   { "x-roles", GH__OWNED },    { NULL, 0 },
};
static const struct rule rules_x_s[] = {
	{ "x-scheme", GH__OWNED },
	{ "x-script-name", GH__OWNED },
	{ "x-ssl-*", GH__OWNED },
	{ "x-sso-*", GH__OWNED },
	{ NULL, 0 },
};
static const struct rule rules_x_t[] = {
	{ "x-tailscale-*", GH__OWNED },
	{ "x-true-client-ip", GH__OWNED },
	{ "x-trusted-*", GH__OWNED },
	{ NULL, 0 },
};
static const struct rule rules_x_u[] = {
	{ "x-url-scheme", GH__OWNED }, { "x-user", GH__OWNED },
	{ "x-user-email", GH__OWNED }, { "x-user-groups", GH__OWNED },
	{ "x-user-id", GH__OWNED },    { "x-user-login", GH__OWNED },
	{ "x-user-name", GH__OWNED },  { "x-user-role*", GH__OWNED },
	{ "x-username", GH__OWNED },   { NULL, 0 },
};
static const struct rule rules_x_v[] = { { "x-vouch-*", GH__OWNED }, { NULL, 0 } };
static const struct rule rules_x_w[] = { { "x-webauth-*", GH__OWNED }, { NULL, 0 } };

static const struct rule *const rules_by_first[26] = {
	['c' - 'a'] = rules_c, ['f' - 'a'] = rules_f, ['h' - 'a'] = rules_h,
	['k' - 'a'] = rules_k, ['p' - 'a'] = rules_p, ['r' - 'a'] = rules_r,
	['s' - 'a'] = rules_s, ['t' - 'a'] = rules_t, ['w' - 'a'] = rules_w,
};
static const struct rule *const rules_by_third[26] = {
	['a' - 'a'] = rules_x_a, ['c' - 'a'] = rules_x_c, ['e' - 'a'] = rules_x_e,
	['f' - 'a'] = rules_x_f, ['g' - 'a'] = rules_x_g, ['h' - 'a'] = rules_x_h,
	['m' - 'a'] = rules_x_m, ['o' - 'a'] = rules_x_o, ['p' - 'a'] = rules_x_p,
	['r' - 'a'] = rules_x_r, ['s' - 'a'] = rules_x_s, ['t' - 'a'] = rules_x_t,
	['u' - 'a'] = rules_x_u, ['v' - 'a'] = rules_x_v, ['w' - 'a'] = rules_x_w,
};

static inline char fold(char c)
{
	return c == '_' ? '-' : gh_lower(c);
}

/* `i` bytes are known to be the same: those that chose the table. */
static bool fits(const struct rule *r, struct gh_str name, size_t i)
{
	for (; r->name[i] != '*'; i++) {
		if (r->name[i] == 0)
			return i == name.len;
		if (i == name.len || fold(name.at[i]) != r->name[i])
			return false;
	}
	return true; /* of the rest nothing is asked; a `*` in a name is itself */
}

static unsigned traits_by_rule(struct gh_str name)
{
	const struct rule *const *table = rules_by_first;
	size_t same = 1;

	if (name.len >= 3 && gh_lower(name.at[0]) == 'x' && fold(name.at[1]) == '-') {
		table = rules_by_third;
		same = 3;
	}
	char key = name.len ? gh_lower(name.at[same - 1]) : 0;
	if (key < 'a' || key > 'z')
		return 0;
	for (const struct rule *r = table[key - 'a']; r && r->name; r++)
		if (fits(r, name, same))
			return r->traits;
	return 0;
}

unsigned gh__header_traits(const struct gh_header *h)
{
	if (h->id == GH__H_OTHER)
		return traits_by_rule(gh_header_name(h));
	return h->id < GH__H_COUNT ? known_traits[h->id] : 0;
}

/* ---- Grammar ---- */

bool gh__is_token(struct gh_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!gh__is_tchar(s.at[i]))
			return false;
	return s.len > 0;
}

bool gh__is_field_value(struct gh_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (gh__is_control(s.at[i]) && s.at[i] != '\t')
			return false;
	return true;
}

bool gh__list_has(struct gh_str list, struct gh_str token)
{
	struct gh_str element;

	while (gh__list_next(&list, &element))
		if (gh_str_same(element, token))
			return true;
	return false;
}
