#include "name.h"

/* In quotes, with a backslash before what needs one; control characters would need more. */
static size_t quote(struct gh_str text, char *to)
{
	size_t len = 0;

	to[len++] = '"';
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '"' || text.at[i] == '\\')
			to[len++] = '\\';
		to[len++] = text.at[i];
	}
	to[len++] = '"';
	return len;
}

int openai_name_check(struct gh_str text)
{
	char json[OPENAI_NAME_JSON];
	struct gh_json v;

	if (text.len > OPENAI_MODEL_MAX || (text.len && memchr(text.at, 0x7f, text.len)))
		return -1;
	/* JSON allows neither what is below a space nor what is no UTF-8. */
	return gh_json_parse((struct gh_str){ json, quote(text, json) }, &v, NULL);
}

int openai_name_make(struct gh_str text, char to[static OPENAI_NAME_JSON],
		     struct openai_name *ret_name)
{
	if (text.len == 0 || openai_name_check(text))
		return -1;
	*ret_name = (struct openai_name){ text, { to, quote(text, to) } };
	return 0;
}
