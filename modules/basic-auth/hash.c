#include "hash.h"

#include <crypt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <argon2.h>

#include "credential.h"
#include "secret.h"

/* Where the tag of a bcrypt hash begins: after $2b$NN$ and the 22 characters of the salt. */
enum { TAG_AT = 29 };

/* What is left to read, cut off piece by piece. */
struct reader {
	struct gh_str rest;
	char *why;
	size_t size;
};

static int GH_PRINTF(2, 3) wrong(const struct reader *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->why, r->size, format, args);
	va_end(args);
	return -1;
}

static bool take(struct reader *r, struct gh_str prefix)
{
	if (!gh_str_starts(r->rest, prefix))
		return false;
	r->rest = gh_str_slice(r->rest, prefix.len, r->rest.len);
	return true;
}

/* Decimal, without leading zeros, at most nine digits. */
static bool take_number(struct reader *r, struct gh_str prefix, uint32_t *ret_number)
{
	uint32_t number = 0;
	size_t digits = 0;

	if (!take(r, prefix))
		return false;
	while (digits < r->rest.len && r->rest.at[digits] >= '0' && r->rest.at[digits] <= '9') {
		if (digits == 9)
			return false;
		number = number * 10 + (uint32_t)(r->rest.at[digits++] - '0');
	}
	if (digits == 0 || (digits > 1 && r->rest.at[0] == '0'))
		return false;
	r->rest = gh_str_slice(r->rest, digits, r->rest.len);
	*ret_number = number;
	return true;
}

/* Base64 without padding up to the next `$` or the end. */
static bool take_bytes(struct reader *r, uint8_t *to, uint32_t min, uint32_t max, uint32_t *ret_len)
{
	char text[96], plain[72];
	size_t len = 0;

	while (len < r->rest.len && r->rest.at[len] != '$')
		len++;
	if (len > (size_t)(max + 2) / 3 * 4 || len > sizeof(text) - 4 || len % 4 == 1)
		return false;
	memcpy(text, r->rest.at, len);
	r->rest = gh_str_slice(r->rest, len, r->rest.len);
	while (len % 4 != 0)
		text[len++] = '=';

	int got = basic_auth_base64((struct gh_str){ text, len }, plain);

	if (got < (int)min || got > (int)max)
		return false;
	memcpy(to, plain, (size_t)got);
	*ret_len = (uint32_t)got;
	return true;
}

static int read_argon2id(struct reader *r, struct basic_auth_hash *h)
{
	uint32_t version;

	h->algorithm = BASIC_AUTH_ARGON2ID;
	if (!take_number(r, GH_STR("v="), &version) || version != ARGON2_VERSION_13)
		return wrong(r, "the argon2id hash has no v=19; make it anew with "
				"`gatehouse hash-password`");
	if (!take_number(r, GH_STR("$m="), &h->argon2.memory) ||
	    !take_number(r, GH_STR(",t="), &h->argon2.passes) ||
	    !take_number(r, GH_STR(",p="), &h->argon2.lanes) || !take(r, GH_STR("$")))
		return wrong(r,
			     "the argon2id hash does not go $argon2id$v=19$m=N,t=N,p=N$SALT$TAG; "
			     "quote it whole, since it has commas and dollar signs");
	if (h->argon2.memory > BASIC_AUTH_MEMORY_MAX)
		return wrong(r, "the argon2id hash asks for m=%u KiB; use m=%d or less",
			     h->argon2.memory, BASIC_AUTH_MEMORY_MAX);
	if (h->argon2.passes < 1 || h->argon2.passes > BASIC_AUTH_PASSES_MAX)
		return wrong(r, "the argon2id hash asks for t=%u; use t=1 to t=%d",
			     h->argon2.passes, BASIC_AUTH_PASSES_MAX);
	if (h->argon2.lanes < 1 || h->argon2.lanes > BASIC_AUTH_LANES_MAX)
		return wrong(r, "the argon2id hash asks for p=%u; use p=1 to p=%d", h->argon2.lanes,
			     BASIC_AUTH_LANES_MAX);
	if (h->argon2.memory < 8 * h->argon2.lanes)
		return wrong(
			r,
			"the argon2id hash asks for m=%u KiB, too few for p=%u; use m=%u or more",
			h->argon2.memory, h->argon2.lanes, 8 * h->argon2.lanes);
	if (!take_bytes(r, h->argon2.salt, 8, BASIC_AUTH_SALT_MAX, &h->argon2.salt_len) ||
	    !take(r, GH_STR("$")) ||
	    !take_bytes(r, h->argon2.tag, 16, BASIC_AUTH_TAG_MAX, &h->argon2.tag_len) ||
	    r->rest.len > 0)
		return wrong(r,
			     "the salt or the tag of the argon2id hash is broken; "
			     "copy the line whole, or make it anew with `gatehouse hash-password`");
	return 0;
}

static bool is_bcrypt_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '/';
}

static int read_bcrypt(struct gh_str text, const struct reader *r, struct basic_auth_hash *h)
{
	h->algorithm = BASIC_AUTH_BCRYPT;
	if (text.len != BASIC_AUTH_BCRYPT_LEN || text.at[6] != '$')
		return wrong(r, "the bcrypt hash has %zu characters and not %d; copy it whole",
			     text.len, BASIC_AUTH_BCRYPT_LEN);
	for (size_t i = 7; i < text.len; i++)
		if (!is_bcrypt_digit(text.at[i]))
			return wrong(r,
				     "character %zu of the bcrypt hash does not belong there; "
				     "copy it whole",
				     i + 1);

	int tens = text.at[4] - '0', ones = text.at[5] - '0';
	int cost = tens * 10 + ones;

	if (tens < 0 || tens > 9 || ones < 0 || ones > 9 || cost < BASIC_AUTH_COST_MIN ||
	    cost > BASIC_AUTH_COST_MAX)
		return wrong(r, "the bcrypt hash has the cost %.2s; use %02d to %d", text.at + 4,
			     BASIC_AUTH_COST_MIN, BASIC_AUTH_COST_MAX);
	memcpy(h->bcrypt, text.at, text.len);
	h->bcrypt[text.len] = 0;

	/* Systems may be built without it. */
	int support = crypt_checksalt(h->bcrypt);

	if (support == CRYPT_SALT_INVALID || support == CRYPT_SALT_METHOD_DISABLED)
		return wrong(r,
			     "this system's libcrypt does not verify bcrypt hashes of this kind; "
			     "make an argon2id hash with `gatehouse hash-password`");
	return 0;
}

int basic_auth_hash_read(struct gh_str text, struct basic_auth_hash *ret_hash, char *why,
			 size_t size)
{
	struct reader r = { .rest = text, .why = why, .size = size };
	struct basic_auth_hash hash = { .algorithm = BASIC_AUTH_ARGON2ID };
	int rc;

	if (take(&r, GH_STR("$argon2id$")))
		rc = read_argon2id(&r, &hash);
	else if (take(&r, GH_STR("$2a$")) || take(&r, GH_STR("$2b$")) || take(&r, GH_STR("$2y$")))
		rc = read_bcrypt(text, &r, &hash);
	else
		rc = wrong(&r, "this is neither an argon2id hash ($argon2id$…) nor a bcrypt hash "
			       "($2a$, $2b$, $2y$); make one with `gatehouse hash-password`");
	if (rc == 0)
		*ret_hash = hash;
	return rc;
}

static enum basic_auth_match verify_argon2id(const struct basic_auth_hash *h,
					     struct gh_str password)
{
	uint8_t tag[BASIC_AUTH_TAG_MAX];
	argon2_context context = {
		.out = tag,
		.outlen = h->argon2.tag_len,
		.pwd = (uint8_t *)(password.len > 0 ? password.at : ""),
		.pwdlen = (uint32_t)password.len,
		.salt = (uint8_t *)h->argon2.salt,
		.saltlen = h->argon2.salt_len,
		.t_cost = h->argon2.passes,
		.m_cost = h->argon2.memory,
		.lanes = h->argon2.lanes,
		/* One at a time: how many may compute at once is the pool's to say. */
		.threads = 1,
		.version = ARGON2_VERSION_13,
		.flags = ARGON2_DEFAULT_FLAGS,
	};

	if (argon2_ctx(&context, Argon2_id) != ARGON2_OK)
		return BASIC_AUTH_FAILED;

	bool same = basic_auth_equal(tag, h->argon2.tag, h->argon2.tag_len);

	explicit_bzero(tag, sizeof(tag));
	return same ? BASIC_AUTH_RIGHT : BASIC_AUTH_WRONG;
}

static enum basic_auth_match verify_bcrypt(const struct basic_auth_hash *h, struct gh_str password)
{
	/* bcrypt takes a C string and looks at 72 bytes of it; what is longer, or has a NUL, is cut
	 * for the work and wrong whatever comes out. */
	char phrase[BASIC_AUTH_BCRYPT_PASSWORD + 1] = { 0 };
	size_t len = password.len < sizeof(phrase) - 1 ? password.len : sizeof(phrase) - 1;
	struct crypt_data *data = basic_auth_alloc(sizeof(*data));
	enum basic_auth_match match = BASIC_AUTH_FAILED;

	if (len > 0)
		memcpy(phrase, password.at, len);

	const char *out = crypt_r(phrase, h->bcrypt, data);

	/* Only what follows the salt is compared: the salt's last character has bits that no one
	 * uses, which some tools leave as they come and crypt_r() clears. */
	if (out != NULL && strlen(out) == BASIC_AUTH_BCRYPT_LEN)
		match = basic_auth_equal(out + TAG_AT, h->bcrypt + TAG_AT,
					 BASIC_AUTH_BCRYPT_LEN - TAG_AT) &&
					strlen(phrase) == password.len
				? BASIC_AUTH_RIGHT
				: BASIC_AUTH_WRONG;
	explicit_bzero(phrase, sizeof(phrase));
	explicit_bzero(data, sizeof(*data));
	free(data);
	return match;
}

enum basic_auth_match basic_auth_hash_verify(const struct basic_auth_hash *hash,
					     struct gh_str password)
{
	return hash->algorithm == BASIC_AUTH_ARGON2ID ? verify_argon2id(hash, password)
						      : verify_bcrypt(hash, password);
}
