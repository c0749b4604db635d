/*
 * Runs a fuzz target over the files of its corpus, where there is no libFuzzer: what was found
 * once stays found in every build. Usage: fuzz_NAME FOLDER|FILE…
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	struct stat st;
	FILE *file = fopen(path, "rb");

	if (file == NULL || fstat(fileno(file), &st) != 0) {
		perror(path);
		return -1;
	}

	/* Of the exact size, so that a sanitizer sees a read one byte past the end. */
	size_t size = (size_t)st.st_size;
	uint8_t *data = malloc(size > 0 ? size : 1);
	int bad = data == NULL || fread(data, 1, size, file) != size;

	if (bad)
		perror(path);
	else
		LLVMFuzzerTestOneInput(data, size);
	free(data);
	fclose(file);
	return bad ? -1 : 0;
}

static int replay_folder(const char *path, unsigned *count)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int bad = 0;

	if (dir == NULL) {
		perror(path);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL) {
		char name[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		bad |= replay_file(name);
		(*count)++;
	}
	closedir(dir);
	return bad;
}

int main(int argc, char **argv)
{
	unsigned count = 0;
	int bad = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
			bad |= replay_folder(argv[i], &count);
		} else {
			bad |= replay_file(argv[i]);
			count++;
		}
	}
	if (count == 0) {
		fprintf(stderr, "replay: no inputs: the corpus is empty\n");
		return 1;
	}
	printf("replayed %u inputs\n", count);
	return bad ? 1 : 0;
}
