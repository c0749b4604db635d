/* Members of a list: order, removal, and moving all at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/list.h"

struct member {
	int number;
	struct gh__list link;
};

static void check(const struct gh__list *head, const int *numbers, size_t count)
{
	size_t n = 0;

	for (struct gh__list *l = head->next; l != head; l = l->next, n++) {
		assert_true(n < count);
		assert_int_equal(GH__CONTAINER(l, struct member, link)->number, numbers[n]);
		assert_ptr_equal(l->next->prev, l);
		assert_ptr_equal(l->prev->next, l);
	}
	assert_int_equal(n, count);
}

static void members_stand_in_the_order_they_were_added(void **state)
{
	struct member a = { .number = 1 }, b = { .number = 2 }, c = { .number = 3 };
	struct gh__list head;

	(void)state;
	gh__list_init(&head);
	assert_true(gh__list_empty(&head));
	gh__list_add(&head, &a.link);
	gh__list_add(&head, &b.link);
	assert_false(gh__list_empty(&head));
	gh__list_add(&b.link, &c.link); /* before b */
	check(&head, (int[]){ 1, 3, 2 }, 3);
}

static void taking_out_twice_does_no_harm(void **state)
{
	struct member a = { .number = 1 }, b = { .number = 2 };
	struct gh__list head;

	(void)state;
	gh__list_init(&head);
	gh__list_add(&head, &a.link);
	gh__list_add(&head, &b.link);
	gh__list_remove(&a.link);
	gh__list_remove(&a.link);
	assert_true(gh__list_empty(&a.link));
	check(&head, (int[]){ 2 }, 1);
	gh__list_remove(&b.link);
	assert_true(gh__list_empty(&head));
}

static void all_of_a_list_moves_in_order(void **state)
{
	struct member m[3] = { { .number = 1 }, { .number = 2 }, { .number = 3 } };
	struct gh__list from, to;

	(void)state;
	for (size_t count = 0; count <= 3; count++) {
		gh__list_init(&from);
		for (size_t i = 0; i < count; i++)
			gh__list_add(&from, &m[i].link);
		gh__list_move(&from, &to);
		assert_true(gh__list_empty(&from));
		check(&to, (int[]){ 1, 2, 3 }, count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_stand_in_the_order_they_were_added),
		cmocka_unit_test(taking_out_twice_does_no_harm),
		cmocka_unit_test(all_of_a_list_moves_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
