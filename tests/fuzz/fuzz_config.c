/*
 * Any bytes as a gateway.yaml, with modules that have an option of every type: a config or
 * mistakes, never both, and what is shown of a config is a config again.
 */
#include <stdlib.h>

#include "core/config/config.h"
#include "core/config/mistake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct part {
	int64_t requests;
	struct gh_duration window;
};
struct member {
	struct gh_str name;
	struct gh_str role;
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

static const struct gh_option member_rows[] = { GH_OPTION(struct member, role, "guest",
							  "What it may do.", .flags = GH_SHORT),
						GH_OPTIONS_END };

static int check_word(struct gh_str s, char *why, size_t size)
{
	(void)size;
	why[0] = 0;
	return gh_str_is(s, "forbidden") ? -1 : 0;
}

static const struct gh_option every_rows[] = {
	GH_OPTION(struct every, flag, "true", "A flag."),
	GH_OPTION(struct every, number, "7", "A number.", .min = -5, .max = 99),
	GH_OPTION(struct every, word, "hello", "A word.", .max = 20, .check = check_word),
	GH_OPTION(struct every, wait, "10s", "A wait.", .min = 10, .max = 3600000),
	GH_OPTION(struct every, room, "64k", "A size.", .min = 1024),
	GH_OPTION(struct every, colour, "green", "A colour.", .choices = colours),
	GH_OPTION(struct every, names, "[a, b]", "Names.", .min = 1, .max = 3, .check = check_word),
	GH_OPTION(struct every, pairs, "{ a: b }", "Pairs.", .max = 3, .check = check_word),
	GH_OPTION(struct every, inner, NULL, "What is inside.", .fields = inner_rows),
	GH_OPTION(struct every, parts, NULL, "Parts.", .fields = part_rows,
		  .item_size = sizeof(struct part)),
	GH_OPTION(struct every, members, NULL, "Members.", .fields = member_rows,
		  .item_size = sizeof(struct member)),
	GH_OPTION(struct every, to, NULL, "Where it goes."),
	GH_OPTION(struct every, token, "", "A token.", .flags = GH_SECRET),
	GH_OPTION(struct every, users, NULL, "Users.", .flags = GH_SECRET),
	GH_OPTIONS_END
};

struct proxy {
	struct gh_upstream_ref to;
};
static const struct gh_option proxy_rows[] = { GH_OPTION(struct proxy, to, NULL, "Where it goes.",
							 .flags = GH_REQUIRED | GH_SHORT),
					       GH_OPTIONS_END };

static const struct gh_module every_module = {
	.name = "every", .doc = "Has all.", .options = every_rows, .self_size = sizeof(struct every)
};
static const struct gh_module proxy_module = { .name = "proxy",
					       .doc = "Passes on.",
					       .options = proxy_rows,
					       .self_size = sizeof(struct proxy) };
static const struct gh_module bare_module = { .name = "bare", .doc = "Has no options." };
static const struct gh_module *const modules[] = { &every_module, &proxy_module, &bare_module,
						   NULL };

static struct gh__config *read_bytes(struct gh_str bytes, struct gh__mistakes *m)
{
	struct gh__config *c = gh__config_read(GH_STR("gateway.yaml"), bytes, modules,
					       GH__READ_WITHOUT_SECRETS, m);

	if ((c != NULL) != (gh__mistakes_count(m) == 0))
		abort();
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gh__mistakes *m = gh__mistakes_create(), *again = gh__mistakes_create();
	struct gh__config *c = read_bytes((struct gh_str){ (const char *)data, size }, m);
	struct gh__config *shown;

	if (!c) {
		/* Each mistake is in the text; nothing of it steers a terminal. */
		struct gh_str text = gh__mistakes_text(m);
		for (size_t i = 0; i < text.len; i++)
			if ((unsigned char)text.at[i] < 0x20 && text.at[i] != '\n')
				abort();
	} else {
		shown = read_bytes(c->shown, again);
		if (!shown || !gh_str_eq(shown->shown, c->shown))
			abort();
		gh__config_free(shown);
	}
	gh__config_free(c);
	gh__mistakes_destroy(m);
	gh__mistakes_destroy(again);
	return 0;
}
