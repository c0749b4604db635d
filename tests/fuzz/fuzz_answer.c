/* Answers of an upstream on one connection: the same is understood wherever they are cut. The first
 * two bytes say where, and the lowest bit whether they answer HEAD. */
#include "fuzz/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct gh_str bytes = { (const char *)data + 2, size - 2 };
	stream_compare(data[1] & 1 ? STREAM_ANSWERS_TO_HEAD : STREAM_ANSWERS, bytes,
		       (size_t)(data[0] << 8 | data[1]) % (bytes.len + 1));
	return 0;
}
