#include "shelf.h"

#include <stdio.h>
#include <stdlib.h>

/* A whole new book, or NULL with `why`. `ret_version` is set when a file was looked at. */
static struct basic_auth_book *read_book(const struct basic_auth_shelf *shelf,
					 struct basic_auth_version *ret_version, char *why,
					 size_t size)
{
	struct basic_auth_book *book = basic_auth_book_create();
	char twice[300];
	unsigned line = 0;

	if (shelf->begin(shelf->begin_arg, book, why, size) != 0)
		goto fail;
	if (shelf->path != NULL &&
	    basic_auth_file_read(shelf->path, book, ret_version, why, size) != 0)
		goto fail;
	if (basic_auth_book_seal(book, &line, twice, sizeof(twice)) != 0) {
		if (line > 0)
			snprintf(why, size, "%s:%u: %s", shelf->path, line, twice);
		else
			snprintf(why, size, "%s", twice);
		goto fail;
	}
	return book;
fail:
	basic_auth_book_destroy(book);
	return NULL;
}

int basic_auth_shelf_init(struct basic_auth_shelf *shelf, char *why, size_t size)
{
	pthread_mutex_init(&shelf->lock, NULL);
	atomic_init(&shelf->readers, NULL);
	atomic_init(&shelf->look_at, INT64_MIN);
	atomic_init(&shelf->book, read_book(shelf, &shelf->version, why, size));
	return atomic_load(&shelf->book) != NULL ? 0 : -1;
}

void basic_auth_shelf_finish(struct basic_auth_shelf *shelf)
{
	basic_auth_book_destroy(atomic_load(&shelf->book));
	for (struct basic_auth_book *b = shelf->retired, *next; b != NULL; b = next) {
		next = b->next;
		basic_auth_book_destroy(b);
	}
	for (struct basic_auth_reader *r = atomic_load(&shelf->readers), *next; r != NULL;
	     r = next) {
		next = r->next;
		free(r);
	}
	pthread_mutex_destroy(&shelf->lock);
}

static struct basic_auth_reader *new_reader(struct basic_auth_shelf *shelf)
{
	struct basic_auth_reader *reader = basic_auth_alloc(sizeof(*reader));

	atomic_init(&reader->open, NULL);
	reader->next = atomic_load(&shelf->readers);
	while (!atomic_compare_exchange_weak(&shelf->readers, &reader->next, reader))
		;
	return reader;
}

const struct basic_auth_book *basic_auth_shelf_open(struct basic_auth_shelf *shelf,
						    struct basic_auth_reader **place)
{
	struct basic_auth_book *book = atomic_load(&shelf->book);

	if (*place == NULL)
		*place = new_reader(shelf);

	struct basic_auth_reader *reader = *place;

	/* Only a book that is still the current one after it was marked open is surely seen as open
	 * by whoever replaces it. */
	for (;;) {
		atomic_store(&reader->open, book);

		struct basic_auth_book *now = atomic_load(&shelf->book);

		if (now == book)
			return book;
		book = now;
	}
}

void basic_auth_shelf_close(struct basic_auth_reader *reader)
{
	atomic_store_explicit(&reader->open, NULL, memory_order_release);
}

bool basic_auth_shelf_changed(struct basic_auth_shelf *shelf, int64_t now_ms)
{
	struct basic_auth_version version;
	int64_t due = atomic_load_explicit(&shelf->look_at, memory_order_relaxed);

	if (shelf->path == NULL || now_ms < due ||
	    !atomic_compare_exchange_strong(&shelf->look_at, &due, now_ms + BASIC_AUTH_LOOK_MS))
		return false;
	/* Who holds the lock is reading it just now. */
	if (pthread_mutex_trylock(&shelf->lock) != 0)
		return false;
	basic_auth_version_get(shelf->path, &version);

	bool changed = !basic_auth_version_same(&version, &shelf->version);

	pthread_mutex_unlock(&shelf->lock);
	return changed;
}

static bool is_open(struct basic_auth_shelf *shelf, const struct basic_auth_book *book)
{
	struct basic_auth_reader *r = atomic_load(&shelf->readers);

	while (r != NULL && atomic_load(&r->open) != book)
		r = r->next;
	return r != NULL;
}

/* At most one retired book a worker is still open; all others go. */
static void free_retired(struct basic_auth_shelf *shelf)
{
	struct basic_auth_book **link = &shelf->retired;

	while (*link != NULL) {
		struct basic_auth_book *book = *link;

		if (is_open(shelf, book)) {
			link = &book->next;
		} else {
			*link = book->next;
			basic_auth_book_destroy(book);
		}
	}
}

int basic_auth_shelf_renew(struct basic_auth_shelf *shelf, char *why, size_t size)
{
	pthread_mutex_lock(&shelf->lock);

	struct basic_auth_book *book = read_book(shelf, &shelf->version, why, size);

	if (book != NULL) {
		struct basic_auth_book *old = atomic_exchange(&shelf->book, book);

		old->next = shelf->retired;
		shelf->retired = old;
	}
	free_retired(shelf);
	pthread_mutex_unlock(&shelf->lock);
	return book != NULL ? 0 : -1;
}
