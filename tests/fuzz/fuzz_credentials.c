/*
 * basic-auth's readers: header fields, stored hashes and keys, and the credentials file, which
 * `gatehouse key` edits. The first byte says which; what must hold for every input is checked, not only that nothing breaks.
 */
#include <stdlib.h>

#include "core/cli/credentials.h"

#include "modules/basic-auth/book.h"
#include "modules/basic-auth/credential.h"
#include "modules/basic-auth/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void fuzz_header(const char *name, struct gh_str value)
{
	struct gh_header h = { .name = name,
			       .name_len = (uint16_t)strlen(name),
			       .value = value.at,
			       .value_len = (uint32_t)value.len };
	struct gh_headers headers = { .items = &h, .count = 1 };
	struct basic_auth_credential c;

	basic_auth_credential_read(&headers, &c);
	must(c.kind != BASIC_AUTH_NONE);
	must((c.kind == BASIC_AUTH_BAD) == (c.reason != NULL));
	must(c.secret.len <= BASIC_AUTH_PASSWORD_MAX || c.kind == BASIC_AUTH_BAD);
	if (c.kind != BASIC_AUTH_PASSWORD)
		return;
	must(c.basic && c.user.len <= BASIC_AUTH_USER_MAX);
	must(memchr(c.user.at, ':', c.user.len) == NULL);
	must(memchr(c.room, 0, c.user.len + 1 + c.secret.len) == NULL);
}

static void fuzz_stored(struct gh_str text)
{
	struct basic_auth_digest digest;
	struct basic_auth_hash h;
	char why[120];

	if (basic_auth_key_read(text, &digest, why, sizeof(why)) != 0)
		must(memchr(why, 0, sizeof(why)) != NULL);
	if (basic_auth_hash_read(text, &h, why, sizeof(why)) != 0) {
		must(memchr(why, 0, sizeof(why)) != NULL);
	} else if (h.algorithm == BASIC_AUTH_ARGON2ID) {
		must(h.argon2.memory <= BASIC_AUTH_MEMORY_MAX);
		must(h.argon2.passes >= 1 && h.argon2.passes <= BASIC_AUTH_PASSES_MAX);
		must(h.argon2.lanes >= 1 && h.argon2.lanes <= BASIC_AUTH_LANES_MAX);
		must(h.argon2.memory >= 8 * h.argon2.lanes);
		must(h.argon2.salt_len <= BASIC_AUTH_SALT_MAX && h.argon2.salt_len >= 8);
		must(h.argon2.tag_len <= BASIC_AUTH_TAG_MAX && h.argon2.tag_len >= 16);
	} else {
		must(strlen(h.bcrypt) == BASIC_AUTH_BCRYPT_LEN);
		must(h.bcrypt[4] == '0' || (h.bcrypt[4] == '1' && h.bcrypt[5] <= '4'));
	}
}

static void fuzz_file(struct gh_str bytes)
{
	struct basic_auth_book *book = basic_auth_book_create();
	char why[600] = "";
	unsigned line;

	if (basic_auth_file_parse("f", bytes, book, why, sizeof(why)) != 0)
		must(strncmp(why, "f:", 2) == 0);
	else if (basic_auth_book_seal(book, &line, why, sizeof(why)) == 0)
		for (size_t i = 0; i < book->user_count; i++)
			must(basic_auth_book_user(book, (struct gh_str){ book->users[i].name,
									 book->users[i].len }) ==
			     &book->users[i]);
	basic_auth_book_destroy(book);
}

/* What takes an entry out or puts one in says itself whether it came out right. Here: that the rest of
 * the bytes are the file's own. */
static void fuzz_edit(struct gh_str bytes)
{
	const struct gh__new_key key = { .name = GH_STR_INIT("new"), .key = GH_STR_INIT("\"k\"") };
	char why[GH__CREDENTIALS_WHY];
	struct gh__credentials c;
	struct gh__arena arena;
	struct gh_str after;

	gh__arena_init(&arena, NULL, 0);
	if (gh__credentials_read(&arena, GH_STR("f"), bytes, &c, why) != 0) {
		must(strncmp(why, "f:", 2) == 0);
		gh__arena_finish(&arena);
		return;
	}
	for (size_t i = 0; i < c.count && i < 20; i++) {
		size_t same = 0, tail = 0;

		if (gh__credentials_without(&arena, &c, c.items + i, &after, why) != 0)
			continue;
		must(after.len < bytes.len);
		while (same < after.len && after.at[same] == bytes.at[same])
			same++;
		while (tail < after.len - same &&
		       after.at[after.len - 1 - tail] == bytes.at[bytes.len - 1 - tail])
			tail++;
		must(same + tail == after.len);
	}
	if (gh__credentials_find(&c, GH__CREDENTIAL_KEY, key.name) == NULL &&
	    gh__credentials_with(&arena, &c, &key, &after, why) == 0)
		must(after.len > bytes.len);
	gh__arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;

	struct gh_str rest = { (const char *)data + 1, size - 1 };

	switch (data[0]) {
	case 'a':
		fuzz_header("authorization", rest);
		break;
	case 'x':
		fuzz_header("x-api-key", rest);
		break;
	case 'h':
		fuzz_stored(rest);
		break;
	case 'f':
		fuzz_file(rest);
		fuzz_edit(rest);
		break;
	default:
		break;
	}
	return 0;
}
