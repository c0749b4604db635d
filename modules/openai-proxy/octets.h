/* Sixteen bytes at a time: compared as one, and where among them the first is that was looked for. */
#ifndef OPENAI_PROXY_OCTETS_H
#define OPENAI_PROXY_OCTETS_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef unsigned char openai_octets __attribute__((vector_size(16)));

/* The place of the first byte that is not zero, or 16. */
static inline size_t openai_first_mark(openai_octets x)
{
	uint64_t marks[2];

	memcpy(marks, &x, sizeof marks);
	if (marks[0])
		return (size_t)__builtin_ctzll(le64toh(marks[0])) >> 3;
	if (marks[1])
		return 8 + ((size_t)__builtin_ctzll(le64toh(marks[1])) >> 3);
	return 16;
}

#endif
