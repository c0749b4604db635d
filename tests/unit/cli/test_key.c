/* gatehouse key new, as a user calls it: what comes out on stdout, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <mbedtls/sha256.h>

#include "core/cli/commands.h"

/* Runs the command with its stdout in `out` and its stderr thrown away. */
static int run(int argc, const char *const *args, char *out, size_t size)
{
	char *argv[8];
	int fd = memfd_create("out", 0), err = memfd_create("err", 0);
	int old_out = dup(STDOUT_FILENO), old_err = dup(STDERR_FILENO);

	for (int i = 0; i < argc; i++)
		argv[i] = strdup(args[i]);
	argv[argc] = NULL;
	fflush(NULL);
	dup2(fd, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);

	int rc = gh__cli_key(argc, argv);

	fflush(NULL);
	dup2(old_out, STDOUT_FILENO);
	dup2(old_err, STDERR_FILENO);

	ssize_t got = pread(fd, out, size - 1, 0);

	out[got > 0 ? got : 0] = 0;
	close(fd);
	close(err);
	close(old_out);
	close(old_err);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return rc;
}

static int new_key(const char *name, char *out, size_t size)
{
	const char *args[] = { "key", "new", name };

	return run(3, args, out, size);
}

static int digit(char c)
{
	static const char digits[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const char *at = c != 0 ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* Bit by bit over the polynomial, highest power first: another way than the program's. */
static uint32_t crc_of(const char *bytes, size_t len)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len * 8; i++) {
		uint32_t bit = (uint8_t)bytes[i / 8] >> (i % 8) & 1;
		uint32_t top = crc >> 31;

		crc = crc << 1 ^ (top ^ bit ? 0x04c11db7 : 0);
	}
	crc = ~crc;

	uint32_t turned = 0;

	for (int i = 0; i < 32; i++)
		turned |= (crc >> i & 1) << (31 - i);
	return turned;
}

static void a_key_has_a_prefix_256_random_bits_and_a_sum(void **state)
{
	(void)state;
	char out[400], again[400], key[100];
	uint64_t sum = 0;

	assert_int_equal(crc_of("123456789", 9), 0xcbf43926); /* the check value of CRC-32 */
	assert_int_equal(new_key("laptop", out, sizeof(out)), 0);
	assert_int_equal(sscanf(out, "key:  %99s", key), 1);
	assert_int_equal(strncmp(key, "gatehouse_", 10), 0);
	assert_int_equal(strlen(key), 10 + 43 + 6);
	for (size_t i = 10; i < strlen(key); i++)
		assert_true(digit(key[i]) >= 0);
	for (size_t i = 53; i < 59; i++)
		sum = sum * 62 + (uint64_t)digit(key[i]);
	assert_int_equal(sum, crc_of(key, 53));
	assert_int_equal(new_key("laptop", again, sizeof(again)), 0);
	assert_int_not_equal(memcmp(out + 16, again + 16, 43), 0);
}

static void the_line_to_keep_has_the_sha256_and_not_the_key(void **state)
{
	(void)state;
	char out[400], key[100], want[400];
	uint8_t digest[32];
	size_t at;

	assert_int_equal(new_key("my.laptop-2_a", out, sizeof(out)), 0);
	assert_int_equal(sscanf(out, "key:  %99s", key), 1);
	mbedtls_sha256((const uint8_t *)key, strlen(key), digest, 0);
	at = (size_t)snprintf(want, sizeof(want),
			      "key:  %s\nkeep:   my.laptop-2_a: \"sha256:", key);
	for (size_t i = 0; i < sizeof(digest); i++)
		at += (size_t)snprintf(want + at, sizeof(want) - at, "%02x", digest[i]);
	snprintf(want + at, sizeof(want) - at, "\"\n");
	assert_string_equal(out, want);
}

static void names_are_checked(void **state)
{
	(void)state;
	static const char *const good[] = {
		"a", "9", "A.b-c_d", "_x",
		"0123456789012345678901234567890123456789012345678901234567890123"
	};
	static const char *const bad[] = {
		"",
		" ",
		"a b",
		"a:b",
		"a/b",
		"a\n",
		"\xc3\xa4",
		".",
		"--",
		"_",
		"01234567890123456789012345678901234567890123456789012345678901234"
	};
	char out[400];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_int_equal(new_key(good[i], out, sizeof(out)), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(new_key(bad[i], out, sizeof(out)), 2);
		assert_string_equal(out, "");
	}
	assert_int_equal(new_key("-x", out, sizeof(out)), 0);
	assert_non_null(strstr(out, "keep:   \"-x\": \"sha256:"));
}

static void help_and_misuse_end_as_they_should(void **state)
{
	(void)state;
	static const char *const help[] = { "key", "--help" },
				 *const new_help[] = { "key", "new", "--help" },
				 *const none[] = { "key" }, *const no_name[] = { "key", "new" },
				 *const other[] = { "key", "old", "a" },
				 *const more[] = { "key", "new", "a", "b" };
	char out[1000];

	assert_int_equal(run(2, help, out, sizeof(out)), 0);
	assert_non_null(strstr(out, "usage: gatehouse key new NAME"));
	assert_int_equal(run(3, new_help, out, sizeof(out)), 0);
	assert_non_null(strstr(out, "usage: gatehouse key new NAME"));
	assert_int_equal(run(1, none, out, sizeof(out)), 2);
	assert_int_equal(run(2, no_name, out, sizeof(out)), 2);
	assert_int_equal(run(3, other, out, sizeof(out)), 2);
	assert_int_equal(run(4, more, out, sizeof(out)), 2);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_has_a_prefix_256_random_bits_and_a_sum),
		cmocka_unit_test(the_line_to_keep_has_the_sha256_and_not_the_key),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(help_and_misuse_end_as_they_should),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
