/*
 * What the tests of core/config share: modules with an option of every type, and a reading of a
 * text that keeps its mistakes. One reading at a time.
 */
#ifndef GATEHOUSE_TESTS_UNIT_CONFIG_FIXTURE_H
#define GATEHOUSE_TESTS_UNIT_CONFIG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/config/config.h"
#include "core/config/mistake.h"

struct part {
	int64_t requests;
	struct gh_duration window;
};
struct member {
	struct gh_str name;
	struct gh_str role;
	int64_t level;
};
struct inner {
	bool deep;
	struct gh_str note;
};

struct every {
	bool flag;
	int64_t number;
	struct gh_str word;
	struct gh_duration wait;
	struct gh_size room;
	struct gh_count amount;
	struct gh_choice colour;
	struct gh_strings names;
	struct gh_pairs pairs;
	struct inner inner;
	struct gh_objects parts;
	struct gh_named members;
	struct gh_upstream_ref to;
	struct gh_str token;
	struct gh_pairs users;
};

static const char *const colours[] = { "red", "green", "blue", NULL };

static const struct gh_option inner_rows[] = {
	GH_OPTION(struct inner, deep, "false", "Whether it is deep."),
	GH_OPTION(struct inner, note, "none", "A note."), GH_OPTIONS_END
};

static const struct gh_option part_rows[] = {
	GH_OPTION(struct part, requests, NULL, "How many.", .flags = GH_REQUIRED, .min = 1,
		  .max = 1000),
	GH_OPTION(struct part, window, "1m", "In which time.", .min = 1000), GH_OPTIONS_END
};

static const struct gh_option member_rows[] = {
	GH_OPTION(struct member, role, "guest", "What it may do.", .flags = GH_SHORT),
	GH_OPTION(struct member, level, "1", "How much of it.", .min = 1, .max = 9), GH_OPTIONS_END
};

static int check_word(struct gh_str s, char *why, size_t size)
{
	if (!gh_str_is(s, "forbidden"))
		return 0;
	snprintf(why, size, "the word '" GH_FMT "' is forbidden; write another", GH_ARG(s));
	return -1;
}

static const struct gh_option every_rows[] = {
	GH_OPTION(struct every, flag, "true", "A flag."),
	GH_OPTION(struct every, number, "7", "A number.", .min = -5, .max = 99),
	GH_OPTION(struct every, word, "hello", "A word.", .max = 20, .check = check_word),
	GH_OPTION(struct every, wait, "10s", "A wait.", .min = 10, .max = 3600000),
	GH_OPTION(struct every, room, "64k", "A size.", .min = 1024, .max = 1 << 30),
	GH_OPTION(struct every, amount, "2k", "A count.", .min = 10, .max = 3000000),
	GH_OPTION(struct every, colour, "green", "A colour.", .choices = colours),
	GH_OPTION(struct every, names, "[a, b]", "Names.", .min = 1, .max = 3, .check = check_word),
	GH_OPTION(struct every, pairs, NULL, "Pairs.", .max = 3, .check = check_word),
	GH_OPTION(struct every, inner, NULL, "What is inside.", .fields = inner_rows),
	GH_OPTION(struct every, parts, NULL, "Parts.", .fields = part_rows,
		  .item_size = sizeof(struct part), .max = 3),
	GH_OPTION(struct every, members, NULL, "Members.", .fields = member_rows,
		  .item_size = sizeof(struct member), .max = 3),
	GH_OPTION(struct every, to, NULL, "Where it goes."),
	GH_OPTION(struct every, token, "", "A token.", .flags = GH_SECRET, .min = 8,
		  .check = check_word),
	GH_OPTION(struct every, users, NULL, "Users and their hashes.", .flags = GH_SECRET),
	GH_OPTIONS_END
};

struct proxy {
	struct gh_upstream_ref to;
};
static const struct gh_option proxy_rows[] = { GH_OPTION(struct proxy, to, NULL, "Where it goes.",
							 .flags = GH_REQUIRED | GH_SHORT),
					       GH_OPTIONS_END };

static const struct gh_module every_module = {
	.name = "every",
	.doc = "Has an option of every type.",
	.options = every_rows,
	.self_size = sizeof(struct every),
};
static const struct gh_module proxy_module = {
	.name = "proxy",
	.doc = "Passes on.",
	.options = proxy_rows,
	.self_size = sizeof(struct proxy),
};
static const struct gh_module bare_module = { .name = "bare-one", .doc = "Has no options." };

struct pem {
	struct gh_str cert, key;
	struct gh_upstream_ref from;
};
static const struct gh_option pem_rows[] = {
	GH_OPTION(struct pem, cert, NULL, "The certificate.", .flags = GH_REQUIRED | GH_SHORT),
	GH_OPTION(struct pem, key, "", "Its key.", .flags = GH_SECRET),
	GH_OPTION(struct pem, from, NULL, "Who is asked."), GH_OPTIONS_END
};
static const struct gh_certificates no_certificates = { NULL, NULL };
static const struct gh_module pem_module = {
	.name = "pem",
	.doc = "Gives certificates.",
	.options = pem_rows,
	.self_size = sizeof(struct pem),
	.certificates = &no_certificates,
};

static const struct gh_module *const fixture_modules[] = { &every_module, &proxy_module,
							   &bare_module, &pem_module, NULL };

static struct gh__mistakes *mistakes;
static struct gh__config *config;

static inline int forget(void **state)
{
	(void)state;
	gh__config_free(config);
	gh__mistakes_destroy(mistakes);
	config = NULL;
	mistakes = NULL;
	return 0;
}

static inline struct gh__config *read_as(const char *path, const char *yaml, size_t len,
					 enum gh__read_mode mode)
{
	forget(NULL);
	mistakes = gh__mistakes_create();
	config = gh__config_read(gh_str(path), (struct gh_str){ yaml, len }, fixture_modules, mode,
				 mistakes);
	return config;
}

static inline struct gh__config *read_yaml(const char *yaml)
{
	return read_as("gateway.yaml", yaml, strlen(yaml), GH__READ_ALL);
}

/* The same, and it must be right. */
static inline struct gh__config *read_good(const char *yaml)
{
	if (!read_yaml(yaml))
		fail_msg("refused:\n" GH_FMT, GH_ARG(gh__mistakes_text(mistakes)));
	return config;
}

static inline const struct every *first_every(void)
{
	assert_true(config->route_count > 0 &&
		    config->routes[0].handlers[0].module == &every_module);
	return config->routes[0].handlers[0].self;
}

/* Options of `every` in the one route that there is. */
static inline const struct every *every_with(const char *options)
{
	char yaml[8192];

	snprintf(yaml, sizeof(yaml), "routes:\n- handle:\n  - every:\n%s", options);
	read_good(yaml);
	return first_every();
}

#define assert_str(s, expected) \
	do { \
		struct gh_str str_ = (s); \
		assert_int_equal(str_.len, strlen(expected)); \
		assert_memory_equal(str_.at ? str_.at : "", expected, str_.len); \
	} while (0)

#endif
