/* What to do about a syntax error: nearly always, to put a value in quotes. */
#include "core/config/node.h"

static bool has(struct gh_str line, const char *what)
{
	return memmem(line.at ? line.at : "", line.len, what, strlen(what)) != NULL;
}

/* Whether `${` stands there outside of quotes and of a comment. */
static bool has_bare_reference(struct gh_str line)
{
	char quote = 0;

	for (size_t i = 0; i < line.len; i++) {
		char c = line.at[i];

		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '#' && (i == 0 || line.at[i - 1] == ' '))
			return false;
		else if (c == '$' && i + 1 < line.len && line.at[i + 1] == '{')
			return true;
	}
	return false;
}

/* Whether a bare IPv6 address in brackets stands there, as in `address: [::1]:8080`. */
static bool has_bare_ipv6(struct gh_str line)
{
	for (size_t i = 1; i + 1 < line.len; i++)
		if (line.at[i] == '[' && line.at[i - 1] == ' ' &&
		    strchr("0123456789abcdefABCDEF:", line.at[i + 1]) && has(line, "]:"))
			return true;
	return false;
}

const char *gh__syntax_mend(struct gh_str line, size_t column, const char *problem)
{
	char at = column < line.len ? line.at[column] : 0;

	if (at == '\t' ||
	    memchr(line.at ? line.at : "", '\t', column < line.len ? column : line.len))
		return "indent with spaces: a tab stands here";
	if (has_bare_reference(line))
		return "put the value that has ${…} in quotes, as in \"${env:NAME}\"";
	if (has_bare_ipv6(line))
		return "put an address that begins with [ in quotes, as in \"[::1]:8080\"";
	if (has(line, "$argon2") || has(line, "$2"))
		return "put the hash in quotes: a value with , or : in it needs them";
	if (at && strchr("*&!%@`|>", at))
		return "a value that begins with one of * & ! % @ ` | > must stand in quotes";
	/* `*.example.org`: the problem is found behind the star. */
	if (column > 0 && column <= line.len && strchr("*&", line.at[column - 1]))
		return "a value that begins with * or & must stand in quotes, as in "
		       "\"*.example.org\"";
	if (strstr(problem, "mapping values"))
		return "a value with ': ' in it must stand in quotes; or the line is not indented "
		       "like its neighbours";
	if (strstr(problem, "expected key") || strstr(problem, "could not find expected ':'"))
		return "each line needs a key and a colon with a space behind it, as in 'key: "
		       "value'";
	if (strstr(problem, "block"))
		return "the line is not indented like its neighbours, or a value with one of "
		       "{ } [ ] , : # in it lacks its quotes";
	return "a value with one of { } [ ] , : # in it must stand in quotes";
}
