#include "credential.h"

/* The most bytes of base64 that can hold USER:PASSWORD. */
enum { ENCODED_MAX = (BASIC_AUTH_USER_MAX + 1 + BASIC_AUTH_PASSWORD_MAX + 2) / 3 * 4 };

static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int basic_auth_base64(struct gh_str text, char *to)
{
	size_t pad = 0;
	int out = 0;

	if (text.len % 4 != 0 || text.len > INT32_MAX)
		return -1;
	while (pad < 2 && pad < text.len && text.at[text.len - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < text.len; i += 4) {
		size_t digits = i + 4 == text.len ? 4 - pad : 4;
		uint32_t bits = 0;

		for (size_t k = 0; k < 4; k++) {
			int value = k < digits ? sextet(text.at[i + k]) : 0;

			if (value < 0)
				return -1;
			bits = bits << 6 | (uint32_t)value;
		}
		/* Bits that no byte takes must be zero: one text for one value. */
		if ((digits == 3 && bits & 0xff) || (digits == 2 && bits & 0xffff))
			return -1;
		for (size_t k = 0; k + 1 < digits; k++)
			to[out++] = (char)(bits >> (16 - 8 * k));
	}
	return out;
}

static void bad(struct basic_auth_credential *c, const char *reason)
{
	c->kind = BASIC_AUTH_BAD;
	c->reason = reason;
}

static void read_key(struct gh_str key, struct basic_auth_credential *c)
{
	if (key.len == 0)
		return bad(c, "empty key");
	if (key.len > BASIC_AUTH_KEY_MAX)
		return bad(c, "key too long");
	for (size_t i = 0; i < key.len; i++)
		if (key.at[i] <= ' ' || key.at[i] > '~')
			return bad(c, "malformed key");
	c->kind = BASIC_AUTH_KEY;
	c->secret = key;
}

static void read_basic(struct gh_str encoded, struct basic_auth_credential *c)
{
	if (encoded.len > ENCODED_MAX)
		return bad(c, "credential too long");

	int len = basic_auth_base64(encoded, c->room);

	if (len < 0)
		return bad(c, "malformed base64");

	struct gh_str plain = { c->room, (size_t)len };
	const char *colon = len > 0 ? memchr(plain.at, ':', plain.len) : NULL;

	if (colon == NULL)
		return bad(c, "no colon between user and password");

	size_t user = (size_t)(colon - plain.at);

	c->user = gh_str_slice(plain, 0, user);
	c->secret = gh_str_slice(plain, user + 1, plain.len);
	if (c->user.len > BASIC_AUTH_USER_MAX || c->secret.len > BASIC_AUTH_PASSWORD_MAX)
		return bad(c, "credential too long");
	/* A hash function of C strings would stop there and compare the rest with nothing. */
	if (memchr(plain.at, 0, plain.len) != NULL)
		return bad(c, "NUL in the credential");
	for (size_t i = 0; i < user; i++)
		if ((unsigned char)plain.at[i] < ' ' || plain.at[i] == 0x7f)
			return bad(c, "control byte in the user's name");
	c->kind = BASIC_AUTH_PASSWORD;
}

static struct gh_str after_spaces(struct gh_str s)
{
	while (s.len > 0 && s.at[0] == ' ')
		s = gh_str_slice(s, 1, s.len);
	return s;
}

static void read_authorization(struct gh_str value, struct basic_auth_credential *c)
{
	size_t scheme = 0;

	while (scheme < value.len && value.at[scheme] != ' ')
		scheme++;

	struct gh_str name = gh_str_slice(value, 0, scheme);
	struct gh_str rest = after_spaces(gh_str_slice(value, scheme, value.len));

	if (gh_str_same(name, GH_STR("Bearer")))
		return read_key(rest, c);
	if (!gh_str_same(name, GH_STR("Basic")))
		return bad(c, "unknown scheme");
	c->basic = true;
	read_basic(rest, c);
}

void basic_auth_credential_read(const struct gh_headers *headers,
				struct basic_auth_credential *ret_credential)
{
	struct basic_auth_credential *c = ret_credential;
	const struct gh_header *authorization = NULL, *api_key = NULL;
	bool twice = false;

	c->kind = BASIC_AUTH_NONE;
	c->basic = false;
	c->reason = NULL;
	c->user = c->secret = (struct gh_str){ NULL, 0 };
	for (uint32_t i = 0; i < headers->count; i++) {
		const struct gh_header *h = &headers->items[i];
		struct gh_str name = gh_header_name(h);

		if (gh_str_same(name, GH_STR("authorization"))) {
			twice |= authorization != NULL;
			authorization = h;
		} else if (gh_str_same(name, GH_STR("x-api-key"))) {
			twice |= api_key != NULL;
			api_key = h;
		}
	}
	if (twice)
		bad(c, "a credential sent twice");
	else if (authorization != NULL)
		read_authorization(gh_header_value(authorization), c);
	else if (api_key != NULL)
		read_key(gh_header_value(api_key), c);
}
