/*
 * The parts of basic-auth that need no gateway: credentials, hashes, the book and its file.
 * The expected hashes are vectors that the reference implementations are tested with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "modules/basic-auth/book.h"
#include "modules/basic-auth/credential.h"
#include "modules/basic-auth/file.h"
#include "modules/basic-auth/hash.h"
#include "modules/basic-auth/shelf.h"

/* ---- Credentials ---- */

static const struct basic_auth_key *key_in(const struct basic_auth_book *book, struct gh_str key)
{
	struct basic_auth_recent recent = { .drawn = false };

	return basic_auth_book_key(book, &recent, key);
}

static struct basic_auth_credential read_headers(struct gh_header *items, uint32_t count)
{
	struct gh_headers headers = { .items = items, .count = count };
	struct basic_auth_credential c;

	basic_auth_credential_read(&headers, &c);
	return c;
}

static struct gh_header header(const char *name, const char *value)
{
	return (struct gh_header){ .name = name,
				   .name_len = (uint16_t)strlen(name),
				   .value = value,
				   .value_len = (uint32_t)strlen(value) };
}

static enum basic_auth_kind kind_of(const char *name, const char *value)
{
	struct gh_header h = header(name, value);

	return read_headers(&h, 1).kind;
}

static void basic_is_user_and_password(void **state)
{
	(void)state;
	/* The example of RFC 7617, and its second: the password may have colons and UTF-8. */
	struct gh_header h = header("Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	struct gh_headers headers = { .items = &h, .count = 1 };
	struct basic_auth_credential c;

	basic_auth_credential_read(&headers, &c);
	assert_int_equal(c.kind, BASIC_AUTH_PASSWORD);
	assert_true(gh_str_is(c.user, "Aladdin"));
	assert_true(gh_str_is(c.secret, "open sesame"));
	assert_true(c.basic);
	h = header("AUTHORIZATION", "bAsIc   dGVzdDoxMjPCow==");
	basic_auth_credential_read(&headers, &c);
	assert_int_equal(c.kind, BASIC_AUTH_PASSWORD);
	assert_true(gh_str_is(c.user, "test"));
	assert_true(gh_str_is(c.secret, "123\xc2\xa3"));
	h = header("authorization", "Basic YTpiOmM6"); /* a:b:c: */
	basic_auth_credential_read(&headers, &c);
	assert_true(gh_str_is(c.user, "a"));
	assert_true(gh_str_is(c.secret, "b:c:"));
}

static void bearer_and_x_api_key_are_keys(void **state)
{
	(void)state;
	struct gh_header h = header("authorization", "bearer sk-123");
	struct basic_auth_credential c = read_headers(&h, 1);

	assert_int_equal(c.kind, BASIC_AUTH_KEY);
	assert_true(gh_str_is(c.secret, "sk-123"));
	assert_false(c.basic);
	h = header("X-Api-Key", "sk-456");
	c = read_headers(&h, 1);
	assert_int_equal(c.kind, BASIC_AUTH_KEY);
	assert_true(gh_str_is(c.secret, "sk-456"));
}

static void what_is_no_credential_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		" ",
		"Basic",
		"Basic ",
		"Bearer",
		"Bearer ",
		"Digest username=\"a\"",
		"Basi YTpi",
		"Basic YTpi YTpi",
		"Basic YTpi,YTpi",
		"Basic YTp",
		"Basic YTpiYg",
		"Basic YTpiYg=",
		"Basic ====",
		"Basic Y===",
		"Basic YQ=a",
		"Basic YTpiYh==",
		"Basic YT-_",
		"Basic YTpi\t",
		"Basic YWI=",     /* no colon */
		"Basic YTpiAGM=", /* a:b NUL c */
		"Basic YQA6Yg==", /* a NUL :b */
		"Basic YQo6Yg==", /* a LF :b */
		"Basic YX86Yg==", /* a DEL :b */
		"Bearer a b",
		"Bearer a\tb",
		"Bearer \xc3\xa4",
	};

	for (size_t i = 0; i < GH_COUNT_OF(bad); i++)
		if (kind_of("authorization", bad[i]) != BASIC_AUTH_BAD)
			fail_msg("taken: '%s'", bad[i]);
	assert_int_equal(kind_of("x-api-key", ""), BASIC_AUTH_BAD);
	assert_int_equal(kind_of("x_api_key", "sk-1"), BASIC_AUTH_NONE);
	assert_int_equal(kind_of("cookie", "a=b"), BASIC_AUTH_NONE);
}

static void two_fields_of_one_name_are_refused(void **state)
{
	(void)state;
	struct gh_header two[] = { header("authorization", "Bearer a"),
				   header("Authorization", "Bearer a") };
	struct gh_header keys[] = { header("x-api-key", "a"), header("X-API-KEY", "a") };
	struct gh_header one[] = { header("x-api-key", "a"), header("authorization", "Bearer b") };

	assert_int_equal(read_headers(two, 2).kind, BASIC_AUTH_BAD);
	assert_int_equal(read_headers(keys, 2).kind, BASIC_AUTH_BAD);
	assert_true(gh_str_is(read_headers(one, 2).secret, "b"));
}

static char *encode(const char *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = malloc(len * 4 / 3 + 16), *to = out + sprintf(out, "Basic ");

	for (size_t i = 0; i < len; i += 3) {
		unsigned bits = 0;
		size_t have = len - i < 3 ? len - i : 3;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (k < have ? (uint8_t)bytes[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			*to++ = k <= have ? digits[bits >> (18 - 6 * k) & 63] : '=';
	}
	*to = 0;
	return out;
}

static enum basic_auth_kind kind_of_sizes(size_t user, size_t password)
{
	size_t len = user + 1 + password;
	char *plain = malloc(len);

	memset(plain, 'u', user);
	plain[user] = ':';
	memset(plain + user + 1, 'p', password);

	char *value = encode(plain, len);
	enum basic_auth_kind kind = kind_of("authorization", value);

	free(plain);
	free(value);
	return kind;
}

static void sizes_are_limited(void **state)
{
	(void)state;
	assert_int_equal(kind_of_sizes(255, 1024), BASIC_AUTH_PASSWORD);
	assert_int_equal(kind_of_sizes(256, 1024), BASIC_AUTH_BAD);
	assert_int_equal(kind_of_sizes(256, 1), BASIC_AUTH_BAD);
	assert_int_equal(kind_of_sizes(255, 1025), BASIC_AUTH_BAD);
	assert_int_equal(kind_of_sizes(1, 1025), BASIC_AUTH_BAD);
	assert_int_equal(kind_of_sizes(1, 60000), BASIC_AUTH_BAD);
	assert_int_equal(kind_of_sizes(0, 0), BASIC_AUTH_PASSWORD);

	char key[1100];

	memset(key, 'k', sizeof(key));
	key[1024] = 0;
	assert_int_equal(kind_of("x-api-key", key), BASIC_AUTH_KEY);
	key[1024] = 'k';
	key[1025] = 0;
	assert_int_equal(kind_of("x-api-key", key), BASIC_AUTH_BAD);
}

/* ---- Hashes ---- */

/* Of the reference implementation: "password" with the salt "somesalt". */
#define ARGON2 \
	"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$" \
	"nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
/* A vector of crypt_blowfish: U*U, cost 5. */
#define BCRYPT "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"

static int read_hash(const char *text, struct basic_auth_hash *h)
{
	char why[300] = "";
	int rc = basic_auth_hash_read(gh_str(text), h, why, sizeof(why));

	if (rc != 0)
		assert_true(strlen(why) > 20);
	return rc;
}

static enum basic_auth_match match(const char *hash, struct gh_str password)
{
	struct basic_auth_hash h;

	assert_int_equal(read_hash(hash, &h), 0);
	return basic_auth_hash_verify(&h, password);
}

static void argon2id_hashes_are_verified(void **state)
{
	(void)state;
	assert_int_equal(match(ARGON2, GH_STR("password")), BASIC_AUTH_RIGHT);
	assert_int_equal(match(ARGON2, GH_STR("Password")), BASIC_AUTH_WRONG);
	assert_int_equal(match(ARGON2, GH_STR("")), BASIC_AUTH_WRONG);
	assert_int_equal(match(ARGON2, GH_STR("password\0anything")), BASIC_AUTH_WRONG);
	assert_int_equal(match(ARGON2, GH_STR("password\0")), BASIC_AUTH_WRONG);
}

static void bcrypt_hashes_are_verified_with_their_length(void **state)
{
	(void)state;
	assert_int_equal(match(BCRYPT, GH_STR("U*U")), BASIC_AUTH_RIGHT);
	assert_int_equal(match(BCRYPT, GH_STR("U*V")), BASIC_AUTH_WRONG);
	assert_int_equal(match(BCRYPT, GH_STR("U*U\0anything")), BASIC_AUTH_WRONG);
	assert_int_equal(match(BCRYPT, GH_STR("U*U\0")), BASIC_AUTH_WRONG);
	/* A vector of crypt_blowfish: 72 bytes, and "chars after 72 are ignored" behind them. */
#define LONG      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define LONG_HASH "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"
	assert_int_equal(match(LONG_HASH, GH_STR(LONG)), BASIC_AUTH_RIGHT);
	assert_int_equal(match(LONG_HASH, GH_STR(LONG "x")), BASIC_AUTH_WRONG);
	assert_int_equal(match(LONG_HASH, GH_STR(LONG "chars after 72 are ignored")),
			 BASIC_AUTH_WRONG);
	/* As htpasswd and Caddy write them. */
	char y[] = BCRYPT;

	y[2] = 'b';
	assert_int_equal(match(y, GH_STR("U*U")), BASIC_AUTH_RIGHT);
	y[2] = 'y';
	assert_int_equal(match(y, GH_STR("U*U")), BASIC_AUTH_RIGHT);
}

static void costs_have_ceilings(void **state)
{
	(void)state;
#define TAIL "$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	struct basic_auth_hash h;
	static const char *const good[] = {
		"$argon2id$v=19$m=262144,t=10,p=4" TAIL,
		"$argon2id$v=19$m=8,t=1,p=1" TAIL,
		"$argon2id$v=19$m=47104,t=1,p=1" TAIL,
		"$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$2b$14$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	};
	static const char *const bad[] = {
		"$argon2id$v=19$m=262145,t=2,p=1" TAIL,
		"$argon2id$v=19$m=256,t=11,p=1" TAIL,
		"$argon2id$v=19$m=256,t=2,p=5" TAIL,
		"$argon2id$v=19$m=7,t=2,p=1" TAIL,
		"$argon2id$v=19$m=31,t=2,p=4" TAIL,
		"$argon2id$v=19$m=256,t=0,p=1" TAIL,
		"$argon2id$v=19$m=256,t=2,p=0" TAIL,
		"$argon2id$v=19$m=4294967552,t=2,p=1" TAIL,
		"$argon2id$v=19$m=99999999999999999999,t=2,p=1" TAIL,
		"$argon2id$v=19$m=-1,t=2,p=1" TAIL,
		"$argon2id$v=19$m=+8,t=2,p=1" TAIL,
		"$argon2id$v=19$m=0256,t=2,p=1" TAIL,
		"$argon2id$v=16$m=256,t=2,p=1" TAIL,
		"$argon2id$m=256,t=2,p=1" TAIL,
		"$argon2i$v=19$m=256,t=2,p=1" TAIL,
		"$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$2b$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$2b$1x$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	};

	for (size_t i = 0; i < GH_COUNT_OF(good); i++)
		if (read_hash(good[i], &h) != 0)
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < GH_COUNT_OF(bad); i++)
		if (read_hash(bad[i], &h) == 0)
			fail_msg("taken: %s", bad[i]);
}

static void broken_hashes_are_refused_cut_at_every_byte(void **state)
{
	(void)state;
	static const char *const whole[] = { ARGON2, BCRYPT };
	struct basic_auth_hash h;

	for (size_t i = 0; i < GH_COUNT_OF(whole); i++) {
		for (size_t len = 0; len < strlen(whole[i]); len++) {
			char why[300];
			/* Of the exact size, for the sanitizer. */
			char *part = malloc(len + 1);

			memcpy(part, whole[i], len);

			int rc = basic_auth_hash_read((struct gh_str){ part, len }, &h, why,
						      sizeof(why));
			/* A tag may be shorter: 16 bytes are 22 characters. */
			bool whole_tag = i == 0 && len >= strlen(ARGON2) - 21;

			if (rc == 0 && !whole_tag)
				fail_msg("taken: %.*s", (int)len, whole[i]);
			free(part);
		}
	}
	assert_int_not_equal(read_hash(ARGON2 "$", &h), 0);
	assert_int_not_equal(read_hash(ARGON2 " ", &h), 0);
	assert_int_not_equal(read_hash(BCRYPT "a", &h), 0);
	assert_int_not_equal(read_hash("plain", &h), 0);
	assert_int_not_equal(read_hash("$1$abcdefgh$abcdefghijklmnopqrstuv", &h), 0);
	/* A salt has at most 64 bytes. */
#define ROW          "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh" /* 45 bytes */
#define SALTED(salt) "$argon2id$v=19$m=256,t=2,p=1$" salt "$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQw"
	assert_int_equal(read_hash(SALTED(ROW "YWFhYWFhYWFhYWFhYWFhYWFhYQ"), &h), 0);
	assert_int_not_equal(read_hash(SALTED(ROW "YWFhYWFhYWFhYWFhYWFhYWFhYWE"), &h), 0);
	assert_int_not_equal(read_hash(SALTED("YWFhYWFhYQ"), &h), 0); /* 7 */
	assert_int_equal(read_hash(SALTED("YWFhYWFhYWE"), &h), 0);    /* 8 */
}

/* ---- The book and its file ---- */

/* SHA-256 of "abc", a vector of FIPS 180. */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void keys_are_found_by_their_sha256(void **state)
{
	(void)state;
	struct basic_auth_book *book = basic_auth_book_create();
	char why[300];
	unsigned line;

	assert_null(key_in(book, GH_STR("abc")));
	assert_int_equal(
		basic_auth_book_add_key(book, GH_STR("bare"), GH_STR(ABC), 0, why, sizeof(why)), 0);
	for (unsigned i = 0; i < 100; i++) {
		char name[16], hex[65];

		snprintf(name, sizeof(name), "other%u", i);
		/* The same first eight bytes: only the whole decides. */
		snprintf(hex, sizeof(hex), "ba7816bf8f01cfea%c%047x", "0f"[i % 2], i);
		assert_int_equal(basic_auth_book_add_key(book, gh_str(name), gh_str(hex), 0, why,
							 sizeof(why)),
				 0);
	}
	assert_int_equal(basic_auth_book_seal(book, &line, why, sizeof(why)), 0);
	assert_string_equal(key_in(book, GH_STR("abc"))->name, "bare");
	assert_null(key_in(book, GH_STR("abd")));
	assert_null(key_in(book, GH_STR("")));
	basic_auth_book_destroy(book);
}

/* Whatever came before, and wherever it is kept: the digest is the key's own. */
static void what_is_remembered_of_a_key_is_its_sha256(void **state)
{
	struct basic_auth_recent recent = { .drawn = false };
	struct basic_auth_digest kept, fresh;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 4 * BASIC_AUTH_RECENT; i++) {
			char key[64];
			struct gh_str text = { key, i % 50 }; /* the empty one too */

			snprintf(key, sizeof(key), "%u%050u", i, i);
			basic_auth_digest_of(text, &fresh);
			for (unsigned twice = 0; twice < 2; twice++) {
				basic_auth_recent_digest(&recent, text, &kept);
				assert_memory_equal(&kept, &fresh, sizeof(fresh));
			}
		}
	}
	/* A worker of another process has another key, and nothing of it is the text. */
	struct basic_auth_recent other = { .drawn = false };
	basic_auth_recent_digest(&other, GH_STR("abc"), &kept);
	assert_memory_not_equal(recent.key, other.key, sizeof(other.key));
}

static void keys_have_64_digits(void **state)
{
	(void)state;
	struct basic_auth_digest d;
	char why[300];

	assert_int_equal(basic_auth_key_read(GH_STR("sha256:" ABC), &d, why, sizeof(why)), 0);
	assert_int_equal(d.bytes[0], 0xba);
	assert_int_equal(d.bytes[31], 0xad);
	assert_int_not_equal(basic_auth_key_read(GH_STR("sha256:" ABC "0"), &d, why, sizeof(why)),
			     0);
	assert_int_not_equal(basic_auth_key_read(GH_STR("sha1:" ABC), &d, why, sizeof(why)), 0);
	assert_int_not_equal(basic_auth_key_read(GH_STR("abc"), &d, why, sizeof(why)), 0);
	assert_int_not_equal(basic_auth_key_read(GH_STR(""), &d, why, sizeof(why)), 0);
	assert_int_not_equal(
		basic_auth_key_read(GH_STR("sha256:ga7816bf8f01cfea414140de5dae2223b003"
					   "61a396177a9cb410ff61f20015ad"),
				    &d, why, sizeof(why)),
		0);
}

static struct basic_auth_book *parse(const char *yaml, char *why, size_t size)
{
	struct basic_auth_book *book = basic_auth_book_create();
	/* Of the exact size, for the sanitizer. */
	size_t len = strlen(yaml);
	char *bytes = malloc(len + 1);
	unsigned line;

	memcpy(bytes, yaml, len);

	int rc = basic_auth_file_parse("creds.yaml", (struct gh_str){ bytes, len }, book, why,
				       size);

	free(bytes);
	if (rc == 0 && basic_auth_book_seal(book, &line, why, size) == 0)
		return book;
	basic_auth_book_destroy(book);
	return NULL;
}

static void a_file_has_users_and_keys(void **state)
{
	(void)state;
	char why[600] = "";
	struct basic_auth_book *book = parse("# people\nusers:\n  zoe: \"" ARGON2 "\"\n"
					     "  adam: '" BCRYPT "'\nkeys:\n  laptop: sha256:" ABC
					     "\n",
					     why, sizeof(why));

	assert_string_equal(why, "");
	assert_non_null(book);
	assert_int_equal(book->user_count, 2);
	assert_string_equal(basic_auth_book_user(book, GH_STR("adam"))->hash.bcrypt, BCRYPT);
	assert_int_equal(basic_auth_book_user(book, GH_STR("zoe"))->hash.argon2.memory, 256);
	assert_null(basic_auth_book_user(book, GH_STR("zo")));
	assert_null(basic_auth_book_user(book, GH_STR("zoey")));
	assert_null(basic_auth_book_user(book, GH_STR("")));
	assert_string_equal(key_in(book, GH_STR("abc"))->name, "laptop");
	basic_auth_book_destroy(book);

	static const char *const empty[] = {
		"", "\n# nothing\n", "---\n", "users:\nkeys:\n", "users: {}\n", "{}\n"
	};

	for (size_t i = 0; i < GH_COUNT_OF(empty); i++) {
		book = parse(empty[i], why, sizeof(why));
		if (book == NULL)
			fail_msg("refused '%s': %s", empty[i], why);
		assert_int_equal(book->user_count + book->key_count, 0);
		basic_auth_book_destroy(book);
	}
}

static void a_files_mistakes_have_their_place(void **state)
{
	(void)state;
	static const struct {
		const char *yaml, *place;
	} bad[] = {
		{ "usres:\n  a: b\n", "creds.yaml:1:1: only `users:` and `keys:`" },
		{ "users:\n  a: plain\n", "creds.yaml:2:6: this is neither" },
		{ "keys:\n  a: sk-123\n", "creds.yaml:2:6: a key is kept as sha256:" },
		{ "users:\n  a: [x]\n", "creds.yaml:2:6: a name stands here with" },
		{ "users:\n  - a\n", "creds.yaml:2:3: a mapping of names" },
		{ "users: text\n", "creds.yaml:1:8: a mapping of names" },
		{ "- users\n", "creds.yaml:1:1: the file begins" },
		{ "users\n", "creds.yaml:1:1: the file begins" },
		{ "keys: {}\nkeys: {}\n", "creds.yaml:2:1: `keys:` is there twice" },
		{ "keys: {}\n---\nkeys: {}\n", "creds.yaml:2:1: a second document" },
		{ "keys: &a {}\nusers: *a\n", "creds.yaml:2:8: a mapping of names" },
		{ "users:\n  ? [a]\n  : b\n", "creds.yaml:2:5: a name belongs here" },
		{ "users:\n  \"a:b\": \"" BCRYPT "\"\n",
		  "creds.yaml:2:10: the name of a user has a colon" },
		{ "users:\n  \"\": \"" BCRYPT "\"\n",
		  "creds.yaml:2:7: the name of a user has 0 bytes" },
		{ "users:\n  \"a\\nb\": \"" BCRYPT "\"\n",
		  "creds.yaml:2:11: the name of a user has a con" },
		{ "users: {a\n", "creds.yaml:" },
		{ "users:\n\ta: b\n", "creds.yaml:2:1: " },
		{ "keys:\n  a: " ABC "\n  b: sha256:" ABC "\n", "keys 'a' and 'b' are one" },
		{ "keys:\n  a: " ABC "\n  a: " ABC "\n", "key 'a' is there twice" },
		{ "users:\n  a: \"" BCRYPT "\"\n  a: \"" ARGON2 "\"\n", "user 'a' is there twice" },
	};

	for (size_t i = 0; i < GH_COUNT_OF(bad); i++) {
		char why[600] = "";
		struct basic_auth_book *book = parse(bad[i].yaml, why, sizeof(why));

		if (book != NULL || strncmp(why, bad[i].place, strlen(bad[i].place)) != 0)
			fail_msg("'%s' gives '%s'", bad[i].yaml, why);
	}
	/* What could be a password that was put there as it is does not come back in a message. */
	char why[600] = "";

	assert_null(parse("users:\n  a: hunter2\n", why, sizeof(why)));
	assert_null(strstr(why, "hunter2"));
}

/* ---- The shelf ---- */

static int begin_nothing(const void *arg, struct basic_auth_book *book, char *why, size_t size)
{
	(void)arg, (void)book, (void)why, (void)size;
	return 0;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	chmod(path, mode);
}

static void a_new_book_takes_the_place_of_the_old_one_whole(void **state)
{
	(void)state;
	char path[] = "/tmp/gatehouse-shelf-XXXXXX", why[600] = "";
	int fd = mkstemp(path);
	struct basic_auth_shelf shelf = { .path = path, .begin = begin_nothing };
	struct basic_auth_reader *reader = NULL;

	assert_true(fd >= 0);
	close(fd);
	write_file(path, "keys:\n  old: " ABC "\n", 0600);
	assert_int_equal(basic_auth_shelf_init(&shelf, why, sizeof(why)), 0);
	assert_false(basic_auth_shelf_changed(&shelf, 0));

	const struct basic_auth_book *old = basic_auth_shelf_open(&shelf, &reader);

	assert_string_equal(key_in(old, GH_STR("abc"))->name, "old");
	write_file(path, "keys:\n  newer: " ABC "\n", 0640);
	assert_false(basic_auth_shelf_changed(&shelf, 999)); /* at most once a second */
	assert_true(basic_auth_shelf_changed(&shelf, 1000));
	assert_false(basic_auth_shelf_changed(&shelf, 1000)); /* told to one alone */
	assert_int_equal(basic_auth_shelf_renew(&shelf, why, sizeof(why)), 0);
	/* Open: it lives on. */
	assert_string_equal(key_in(old, GH_STR("abc"))->name, "old");
	basic_auth_shelf_close(reader);
	assert_string_equal(key_in(basic_auth_shelf_open(&shelf, &reader), GH_STR("abc"))->name,
			    "newer");
	basic_auth_shelf_close(reader);
	assert_false(basic_auth_shelf_changed(&shelf, 2000));

	/* Broken, readable by others, gone: the last one stays, and each is told once. */
	write_file(path, "keys:\n  broken: x\n", 0640);
	assert_true(basic_auth_shelf_changed(&shelf, 3000));
	assert_int_not_equal(basic_auth_shelf_renew(&shelf, why, sizeof(why)), 0);
	assert_non_null(strstr(why, ":2:11: a key is kept as"));
	assert_false(basic_auth_shelf_changed(&shelf, 4000));
	write_file(path, "keys:\n  open: " ABC "\n", 0644);
	assert_true(basic_auth_shelf_changed(&shelf, 5000));
	assert_int_not_equal(basic_auth_shelf_renew(&shelf, why, sizeof(why)), 0);
	assert_non_null(strstr(why, "others can get at this file (mode 0644)"));
	unlink(path);
	assert_true(basic_auth_shelf_changed(&shelf, 6000));
	assert_int_not_equal(basic_auth_shelf_renew(&shelf, why, sizeof(why)), 0);
	assert_false(basic_auth_shelf_changed(&shelf, 7000));
	assert_string_equal(key_in(basic_auth_shelf_open(&shelf, &reader), GH_STR("abc"))->name,
			    "newer");
	basic_auth_shelf_close(reader);
	assert_null(shelf.retired); /* old books do not pile up */
	basic_auth_shelf_finish(&shelf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(basic_is_user_and_password),
		cmocka_unit_test(bearer_and_x_api_key_are_keys),
		cmocka_unit_test(what_is_no_credential_is_refused),
		cmocka_unit_test(two_fields_of_one_name_are_refused),
		cmocka_unit_test(sizes_are_limited),
		cmocka_unit_test(argon2id_hashes_are_verified),
		cmocka_unit_test(bcrypt_hashes_are_verified_with_their_length),
		cmocka_unit_test(costs_have_ceilings),
		cmocka_unit_test(broken_hashes_are_refused_cut_at_every_byte),
		cmocka_unit_test(keys_are_found_by_their_sha256),
		cmocka_unit_test(what_is_remembered_of_a_key_is_its_sha256),
		cmocka_unit_test(keys_have_64_digits),
		cmocka_unit_test(a_file_has_users_and_keys),
		cmocka_unit_test(a_files_mistakes_have_their_place),
		cmocka_unit_test(a_new_book_takes_the_place_of_the_old_one_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
