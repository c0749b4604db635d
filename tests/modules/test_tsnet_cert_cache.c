/* What tsnet-cert keeps on disk for a start without tailscaled. */
#include "tsnet_cert_made.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "modules/tsnet-cert/cache.h"

struct disk {
	char dir[64], state[96], folder[128], file[256];
	struct made made;
	struct tsnet_pair *pair;
	char why[512];
};

static void disk_begin(struct disk *d)
{
	char why[160] = "", *pem;

	memset(d, 0, sizeof *d);
	folder_make(d->dir);
	snprintf(d->state, sizeof d->state, "%s/state", d->dir);
	snprintf(d->folder, sizeof d->folder, "%s/tsnet-cert", d->state);
	snprintf(d->file, sizeof d->file, "%s/" NAME ".pem", d->folder);
	make_good(&d->made, NAME);
	pem = pem_of(&d->made);
	d->pair = tsnet_pair_create(gh_str(pem), NAME, why, sizeof why);
	assert_non_null(d->pair);
	free(pem);
}

static void disk_end(struct disk *d)
{
	tsnet_pair_destroy(d->pair);
	folder_remove(d->dir);
}

static int put(struct disk *d, const char *socket, const char *name)
{
	return tsnet_cache_write(gh_str(d->state), socket, name, d->pair, d->why, sizeof d->why);
}

/* Whether it is read; d->why tells why not. */
static bool there(struct disk *d)
{
	struct tsnet_pair *p;

	strcpy(d->why, "unset");
	p = tsnet_cache_read(gh_str(d->state), NAME, d->why, sizeof d->why);
	tsnet_pair_destroy(p);
	return p != NULL;
}

static void what_is_kept_is_its_owners_alone_and_read_again(void **state)
{
	struct disk d;
	struct stat st;
	mode_t mask = umask(0);
	(void)state;

	disk_begin(&d);
	assert_false(there(&d));
	assert_string_equal(d.why, "");
	assert_int_equal(put(&d, "/run/t.sock", NAME), 0);
	umask(mask);
	assert_int_equal(stat(d.file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(d.folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);

	struct tsnet_pair *p = tsnet_cache_read(gh_str(d.state), NAME, d.why, sizeof d.why);

	assert_non_null(p);
	assert_true(gh_str_eq(p->chain, d.pair->chain));
	assert_true(gh_str_eq(p->key, d.pair->key));
	assert_int_equal(p->not_after, d.pair->not_after);
	tsnet_pair_destroy(p);
	disk_end(&d);
}

static void a_file_is_replaced_whole_and_nothing_is_left_beside_it(void **state)
{
	struct disk d;
	struct stat before, after;
	char beside[256], command[400];
	(void)state;

	disk_begin(&d);
	snprintf(beside, sizeof beside, "%s/." NAME ".pem.new", d.folder);
	assert_int_equal(put(&d, "/run/t.sock", NAME), 0);
	assert_int_equal(stat(d.file, &before), 0);

	/* Who has it open goes on reading the old one: another file took its place. */
	int fd = open(d.file, O_RDONLY | O_CLOEXEC);

	assert_int_equal(put(&d, "/run/t.sock", NAME), 0);
	assert_int_equal(stat(d.file, &after), 0);
	assert_true(before.st_ino != after.st_ino);
	assert_int_equal(fstat(fd, &before), 0);
	assert_int_equal(before.st_nlink, 0);
	assert_int_equal(before.st_size, after.st_size);
	close(fd);
	/* What a fall of the power left half is written anew, also when it is a trap. */
	snprintf(command, sizeof command, "ln -s /dev/full %s/." NAME ".new ", d.folder);
	assert_int_equal(system(command) & 0x7f, 0);
	assert_int_equal(put(&d, "/run/t.sock", NAME), 0);
	snprintf(command, sizeof command, "test $(ls -A %s | wc -l) = 1", d.folder);
	assert_int_equal(system(command), 0);
	assert_true(there(&d));
	disk_end(&d);
}

static void a_disk_that_takes_nothing_leaves_the_old_file(void **state)
{
	struct disk d;
	pid_t child;
	int status;
	(void)state;

	disk_begin(&d);
	assert_int_equal(put(&d, "/run/t.sock", NAME), 0);
	child = fork();
	if (child == 0) {
		/* A limit of the system stands in for a full disk. */
		struct rlimit little = { 300, 300 };
		int rc;

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &little);
		rc = put(&d, "/run/t.sock", NAME);
		_exit(rc == -1 && strstr(d.why, strerror(EFBIG)) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(there(&d));

	char command[256];

	snprintf(command, sizeof command, "test $(ls -A %s | wc -l) = 1", d.folder);
	assert_int_equal(system(command), 0);
	disk_end(&d);
}

static void a_state_dir_that_cannot_be_made_is_told(void **state)
{
	struct disk d;
	(void)state;

	disk_begin(&d);

	int fd = open(d.state, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(put(&d, "/run/t.sock", NAME), -1);
	assert_non_null(strstr(d.why, d.state));
	disk_end(&d);
}

static void a_file_that_others_can_get_at_is_not_used(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0660, 0644, 0601 };
	struct disk d;
	(void)state;

	disk_begin(&d);
	assert_int_equal(put(&d, "/run/t.sock", NAME), 0);
	for (size_t i = 0; i < GH_COUNT_OF(modes); i++) {
		assert_int_equal(chmod(d.file, modes[i]), 0);
		assert_false(there(&d));
		assert_non_null(strstr(d.why, "chmod 0600 it"));
	}
	assert_int_equal(chmod(d.file, 0400), 0);
	assert_true(there(&d));
	disk_end(&d);
}

static void a_file_of_another_user_is_not_used(void **state)
{
	struct disk d;
	(void)state;

	if (geteuid() != 0)
		skip();
	disk_begin(&d);
	assert_int_equal(put(&d, "/run/t.sock", NAME), 0);
	assert_int_equal(chown(d.file, 65534, 65534), 0);
	assert_false(there(&d));
	assert_non_null(strstr(d.why, "belongs to another user"));
	assert_int_equal(chown(d.file, 0, 0), 0);
	assert_true(there(&d));
	assert_int_equal(chown(d.folder, 65534, 65534), 0);
	assert_false(there(&d));
	assert_non_null(strstr(d.why, "can be written to by others"));
	disk_end(&d);
}

static void a_folder_that_others_can_write_to_is_not_used(void **state)
{
	struct disk d;
	(void)state;

	disk_begin(&d);
	assert_int_equal(put(&d, "/run/t.sock", NAME), 0);
	assert_int_equal(chmod(d.folder, 0770), 0);
	assert_false(there(&d));
	assert_non_null(strstr(d.why, "chmod 0700"));
	assert_int_equal(put(&d, "/run/t.sock", NAME), -1);
	assert_non_null(strstr(d.why, "chmod 0700"));
	disk_end(&d);
}

static void links_fifos_and_folders_are_not_followed(void **state)
{
	struct disk d;
	char elsewhere[256];
	(void)state;

	disk_begin(&d);
	assert_int_equal(put(&d, "/run/t.sock", NAME), 0);
	snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere.pem", d.dir);
	assert_int_equal(rename(d.file, elsewhere), 0);
	assert_int_equal(symlink(elsewhere, d.file), 0);
	assert_false(there(&d));
	assert_non_null(strstr(d.why, "it is a link"));
	assert_int_equal(unlink(d.file), 0);
	assert_int_equal(mkfifo(d.file, 0600), 0);
	assert_false(there(&d));
	assert_non_null(strstr(d.why, "it is no file"));
	assert_int_equal(unlink(d.file), 0);
	assert_int_equal(mkdir(d.file, 0700), 0);
	assert_false(there(&d));
	assert_non_null(strstr(d.why, "it is no file"));
	assert_int_equal(rmdir(d.file), 0);
	assert_int_equal(rmdir(d.folder), 0);
	assert_int_equal(symlink(d.dir, d.folder), 0);
	assert_false(there(&d));
	assert_non_null(strstr(d.why, "no folder of this process's own"));
	disk_end(&d);
}

static void a_file_cut_at_any_byte_is_not_used(void **state)
{
	struct disk d;
	struct stat st;
	(void)state;

	disk_begin(&d);
	assert_int_equal(put(&d, "/run/t.sock", NAME), 0);
	assert_int_equal(stat(d.file, &st), 0);
	for (off_t len = st.st_size - 2; len >= 0; len -= 7) {
		assert_int_equal(truncate(d.file, len), 0);
		assert_false(there(&d));
		assert_non_null(strstr(d.why, "remove it"));
	}
	assert_int_equal(truncate(d.file, 1 << 20), 0);
	assert_false(there(&d));
	assert_non_null(strstr(d.why, "too long"));
	disk_end(&d);
}

static void the_names_that_are_kept_are_those_of_one_tailscaled(void **state)
{
	struct disk d;
	struct tsnet_names names, keep = { 0 };
	char command[600], text[200];
	(void)state;

	disk_begin(&d);
	tsnet_cache_names(gh_str(d.state), "/run/t.sock", &names);
	assert_int_equal(names.count, 0);
	assert_int_equal(put(&d, "/run/t.sock", "b.ts.net"), 0);
	assert_int_equal(put(&d, "/run/t.sock", "a.ts.net"), 0);
	assert_int_equal(put(&d, "/run/t.sock2", "c.ts.net"), 0);
	snprintf(command, sizeof command,
		 "cd %s && cp a.ts.net.pem ..pem && cp a.ts.net.pem x.txt && cp a.ts.net.pem x.pem "
		 "&& "
		 "cp a.ts.net.pem 'q r.ts.net.pem' && ln -s a.ts.net.pem l.ts.net.pem && "
		 "mkfifo f.ts.net.pem && mkdir d.ts.net.pem",
		 d.folder);
	assert_int_equal(system(command), 0);
	tsnet_cache_names(gh_str(d.state), "/run/t.sock", &names);
	tsnet_names_text(&names, text, sizeof text);
	assert_string_equal(text, "a.ts.net, b.ts.net");
	tsnet_names_add(&keep, "b.ts.net");
	tsnet_cache_prune(gh_str(d.state), "/run/t.sock", &keep);
	tsnet_cache_names(gh_str(d.state), "/run/t.sock", &names);
	tsnet_names_text(&names, text, sizeof text);
	assert_string_equal(text, "b.ts.net");
	tsnet_cache_names(gh_str(d.state), "/run/t.sock2", &names);
	tsnet_names_text(&names, text, sizeof text);
	assert_string_equal(text, "c.ts.net");
	disk_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_is_its_owners_alone_and_read_again),
		cmocka_unit_test(a_file_is_replaced_whole_and_nothing_is_left_beside_it),
		cmocka_unit_test(a_disk_that_takes_nothing_leaves_the_old_file),
		cmocka_unit_test(a_state_dir_that_cannot_be_made_is_told),
		cmocka_unit_test(a_file_that_others_can_get_at_is_not_used),
		cmocka_unit_test(a_file_of_another_user_is_not_used),
		cmocka_unit_test(a_folder_that_others_can_write_to_is_not_used),
		cmocka_unit_test(links_fifos_and_folders_are_not_followed),
		cmocka_unit_test(a_file_cut_at_any_byte_is_not_used),
		cmocka_unit_test(the_names_that_are_kept_are_those_of_one_tailscaled),
	};

	return cmocka_run_group_tests_name("tsnet-cert, its files", tests, NULL, NULL);
}
