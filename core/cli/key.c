/*
 * gatehouse key new NAME: a key of 256 random bits, shown once, and the line to keep.
 *
 * gatehouse_ + 43 characters + 6 characters: the random bits and a CRC-32 of all before it, both in
 * base 62. The prefix lets scanners find a key that leaked, and the sum lets them tell it from
 * chance.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <mbedtls/sha256.h>

#include <gatehouse/module.h>

#include "core/base/memory.h"
#include "core/cli/commands.h"

#define PREFIX "gatehouse_"

enum {
	NAME_MAX_LEN = 64,
	PREFIX_LEN = sizeof(PREFIX) - 1,
	RANDOM = 32,        /* bytes */
	RANDOM_DIGITS = 43, /* the fewest with 62^n > 2^256 */
	SUM_DIGITS = 6,     /* the fewest with 62^n > 2^32 */
	KEY_LEN = PREFIX_LEN + RANDOM_DIGITS + SUM_DIGITS,
	DIGEST = 32,
};

static const char usage[] =
	"usage: gatehouse key new NAME\n"
	"\n"
	"Makes a key of 256 random bits. Prints it once, and the line to keep under `keys:` of\n"
	"basic-auth or of its credentials file; from that line there is no way back to the key.\n"
	"NAME says whose key it is, in the log and to later handlers: 1 to 64 of A-Z a-z 0-9 . _ "
	"-\n";

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* A big-endian number in base 62, as so many digits. The number is used up. */
static void base62(uint8_t *number, size_t size, char *to, size_t count)
{
	while (count-- > 0) {
		unsigned rest = 0;

		for (size_t i = 0; i < size; i++) {
			rest = rest << 8 | number[i];
			number[i] = (uint8_t)(rest / 62);
			rest %= 62;
		}
		to[count] = digits[rest];
	}
}

/* The CRC-32 of zlib, PNG and Ethernet. */
static uint32_t crc32(const char *bytes, size_t len)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= (uint8_t)bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void make_key(char ret_key[KEY_LEN + 1])
{
	uint8_t bytes[RANDOM], sum[4];
	char *to = ret_key + PREFIX_LEN;

	gh_random(bytes, sizeof(bytes));
	memcpy(ret_key, PREFIX, PREFIX_LEN);
	base62(bytes, sizeof(bytes), to, RANDOM_DIGITS);
	gh__wipe(bytes, sizeof(bytes));

	uint32_t crc = crc32(ret_key, PREFIX_LEN + RANDOM_DIGITS);

	for (int i = 0; i < 4; i++)
		sum[i] = (uint8_t)(crc >> (24 - 8 * i));
	base62(sum, sizeof(sum), to + RANDOM_DIGITS, SUM_DIGITS);
	ret_key[KEY_LEN] = 0;
}

static bool is_name(const char *name)
{
	size_t len = strlen(name), signs = 0;

	for (size_t i = 0; i < len; i++) {
		if (strchr("._-", name[i]) != NULL)
			signs++;
		else if (strchr(digits, name[i]) == NULL)
			return false;
	}
	return len <= NAME_MAX_LEN && signs < len;
}

static int print_key(const char *name)
{
	char key[KEY_LEN + 1], hex[2 * DIGEST + 1];
	uint8_t digest[DIGEST];

	make_key(key);
	mbedtls_sha256((const uint8_t *)key, KEY_LEN, digest, 0);
	for (size_t i = 0; i < DIGEST; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	fprintf(stderr,
		"The key goes to whoever is to use it, and is not shown again. The line to keep "
		"goes under\n`keys:` of basic-auth or of its credentials file.\n");

	/* Quoted where YAML could take the name's first character for its own. */
	const char *quote = name[0] == '.' || name[0] == '-' ? "\"" : "";
	int printed = printf("key:  %s\nkeep:   %s%s%s: \"sha256:%s\"\n", key, quote, name, quote,
			     hex);

	gh__wipe(key, sizeof(key));
	if (printed < 0 || fflush(stdout) != 0) {
		fprintf(stderr, "gatehouse key: standard output cannot be written\n");
		return 1;
	}
	return 0;
}

int gh__cli_key(int argc, char **argv)
{
	for (int i = 1; i < argc && i < 3; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(usage, stdout);
			return 0;
		}
	}
	if (argc != 3 || strcmp(argv[1], "new") != 0) {
		fprintf(stderr, "gatehouse key: say `key new NAME`\n\n%s", usage);
		return 2;
	}
	if (!is_name(argv[2])) {
		fprintf(stderr, "gatehouse key: a name has 1 to 64 of A-Z a-z 0-9 . _ -, and not "
				"signs alone\n");
		return 2;
	}
	return print_key(argv[2]);
}
