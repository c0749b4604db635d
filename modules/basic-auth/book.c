#include "book.h"

#include <stdio.h>
#include <stdlib.h>

#include "credential.h"

struct basic_auth_book *basic_auth_book_create(void)
{
	return basic_auth_alloc(sizeof(struct basic_auth_book));
}

void basic_auth_book_destroy(struct basic_auth_book *book)
{
	if (book == NULL)
		return;
	for (size_t i = 0; i < book->user_count; i++) {
		basic_auth_bound_destroy(book->users[i].bound);
		free(book->users[i].name);
	}
	for (size_t i = 0; i < book->key_count; i++) {
		basic_auth_bound_destroy(book->keys[i].bound);
		free(book->keys[i].name);
	}
	free(book->users);
	free(book->keys);
	free(book);
}

/* An array of `count` items with room for one more. */
static void *grow(void *items, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return items;

	size_t more = *room > 0 ? *room * 2 : 16;
	char *bigger = basic_auth_alloc(more * size);

	if (count > 0)
		memcpy(bigger, items, count * size);
	free(items);
	*room = more;
	return bigger;
}

static char *copy(struct gh_str s)
{
	char *to = basic_auth_alloc(s.len + 1);

	if (s.len > 0)
		memcpy(to, s.at, s.len);
	return to;
}

static int check_name(struct gh_str name, const char *what, char *why, size_t size)
{
	if (name.len == 0 || name.len > BASIC_AUTH_USER_MAX) {
		snprintf(why, size, "the name of a %s has %zu bytes; use 1 to %d", what, name.len,
			 BASIC_AUTH_USER_MAX);
		return -1;
	}
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.at[i];

		if (c >= ' ' && c != 0x7f && c != ':')
			continue;
		snprintf(why, size, "the name of a %s has %s at byte %zu; leave it out", what,
			 c == ':' ? "a colon" : "a control byte", i + 1);
		return -1;
	}
	return 0;
}

int basic_auth_book_add_user(struct basic_auth_book *book, struct gh_str name, struct gh_str hash,
			     unsigned line, char *why, size_t size)
{
	struct basic_auth_user user = { .len = name.len, .line = line };
	struct gh_str parts[] = { name, hash };

	if (check_name(name, "user", why, size) != 0 ||
	    basic_auth_hash_read(hash, &user.hash, why, size) != 0)
		return -1;
	basic_auth_digest_parts(parts, GH_COUNT_OF(parts), &user.id);
	user.name = copy(name);
	book->users = grow(book->users, book->user_count, &book->user_room, sizeof(user));
	book->users[book->user_count++] = user;
	return 0;
}

int basic_auth_key_read(struct gh_str text, struct basic_auth_digest *ret_digest, char *why,
			size_t size)
{
	struct gh_str prefix = GH_STR("sha256:");
	struct gh_str hex = text;

	if (gh_str_starts(text, prefix))
		hex = gh_str_slice(text, prefix.len, text.len);
	if (basic_auth_digest_from_hex(hex, ret_digest) == 0)
		return 0;
	snprintf(why, size,
		 "a key is kept as sha256: and 64 hexadecimal digits, never as itself; "
		 "`gatehouse key new NAME` makes a key and its line");
	return -1;
}

int basic_auth_book_add_key(struct basic_auth_book *book, struct gh_str name, struct gh_str digest,
			    unsigned line, char *why, size_t size)
{
	struct basic_auth_key key = { .len = name.len, .line = line };

	if (check_name(name, "key", why, size) != 0 ||
	    basic_auth_key_read(digest, &key.digest, why, size) != 0)
		return -1;
	key.name = copy(name);
	book->keys = grow(book->keys, book->key_count, &book->key_room, sizeof(key));
	book->keys[book->key_count++] = key;
	return 0;
}

void basic_auth_book_bind_user(struct basic_auth_book *book, struct basic_auth_bound *bound)
{
	book->users[book->user_count - 1].bound = bound;
}

void basic_auth_book_bind_key(struct basic_auth_book *book, struct basic_auth_bound *bound)
{
	book->keys[book->key_count - 1].bound = bound;
}

static int compare_names(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int by_user(const void *a, const void *b)
{
	const struct basic_auth_user *x = a, *y = b;

	return compare_names(x->name, x->len, y->name, y->len);
}

static int by_key_name(const void *a, const void *b)
{
	const struct basic_auth_key *x = a, *y = b;

	return compare_names(x->name, x->len, y->name, y->len);
}

static int by_digest(const void *a, const void *b)
{
	const struct basic_auth_key *x = a, *y = b;

	return memcmp(x->digest.bytes, y->digest.bytes, BASIC_AUTH_DIGEST);
}

static unsigned later(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

int basic_auth_book_seal(struct basic_auth_book *book, unsigned *ret_line, char *why, size_t size)
{
	struct basic_auth_user *u = book->users;
	struct basic_auth_key *k = book->keys;

	if (book->user_count > 0)
		qsort(u, book->user_count, sizeof(*u), by_user);
	for (size_t i = 1; i < book->user_count; i++) {
		if (by_user(&u[i - 1], &u[i]) != 0)
			continue;
		snprintf(why, size, "user '%s' is there twice; keep one", u[i].name);
		*ret_line = later(u[i - 1].line, u[i].line);
		return -1;
	}
	if (book->key_count > 0)
		qsort(k, book->key_count, sizeof(*k), by_key_name);
	for (size_t i = 1; i < book->key_count; i++) {
		if (by_key_name(&k[i - 1], &k[i]) != 0)
			continue;
		snprintf(why, size, "key '%s' is there twice; keep one", k[i].name);
		*ret_line = later(k[i - 1].line, k[i].line);
		return -1;
	}
	if (book->key_count > 0)
		qsort(k, book->key_count, sizeof(*k), by_digest);
	for (size_t i = 1; i < book->key_count; i++) {
		if (by_digest(&k[i - 1], &k[i]) != 0)
			continue;
		snprintf(why, size, "keys '%s' and '%s' are one and the same; keep one of them",
			 k[i - 1].name, k[i].name);
		*ret_line = later(k[i - 1].line, k[i].line);
		return -1;
	}
	return 0;
}

const struct basic_auth_user *basic_auth_book_user(const struct basic_auth_book *book,
						   struct gh_str name)
{
	size_t low = 0, high = book->user_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct basic_auth_user *u = &book->users[middle];
		int order = compare_names(name.len > 0 ? name.at : "", name.len, u->name, u->len);

		if (order == 0)
			return u;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

enum { SEARCHED = 8 };

const struct basic_auth_key *basic_auth_book_key(const struct basic_auth_book *book,
						 struct basic_auth_recent *recent,
						 struct gh_str key)
{
	struct basic_auth_digest digest;
	size_t low = 0, high = book->key_count;
	const struct basic_auth_key *found = NULL;

	if (high == 0)
		return NULL;
	/* What the search can give away by its time are the first bytes of a SHA-256, from which
	 * there is no way back to a random key. All the bytes are compared in constant time. */
	basic_auth_recent_digest(recent, key, &digest);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(book->keys[middle].digest.bytes, digest.bytes, SEARCHED) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i < book->key_count; i++) {
		const struct basic_auth_key *k = &book->keys[i];

		if (memcmp(k->digest.bytes, digest.bytes, SEARCHED) != 0)
			break;
		if (basic_auth_equal(&k->digest, &digest, sizeof(digest)))
			found = k;
	}
	return found;
}
