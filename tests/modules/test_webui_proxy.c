/* Who may open a WebSocket: the upstream here refuses connections, so what goes on to it is a 502. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gatehouse/test.h>

extern const struct gh_module gh_module_webui_proxy;

#define UPGRADE "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n"

enum { GOES_ON = 502, REFUSED = 403 };

static int ask(struct gh_test *t, const char *headers)
{
	return gh_test_send(t, "GET", "/ws/socket.io/", headers, NULL)->status;
}

static struct gh_test *begin(const char *options)
{
	struct gh_test *t = gh_test_begin(&gh_module_webui_proxy, options);

	assert_non_null(t);
	return t;
}

static void a_page_of_this_address_may(void **state)
{
	struct gh_test *t = begin("to: http://127.0.0.1:1");

	(void)state;
	assert_int_equal(ask(t, UPGRADE "Origin: https://test.example\r\n"), GOES_ON);
	assert_int_equal(ask(t, UPGRADE "Origin: http://TEST.example\r\n"), GOES_ON);
	assert_int_equal(ask(t, UPGRADE), GOES_ON);
	gh_test_end(t);
}

static void a_page_of_another_may_not(void **state)
{
	static const char *const others[] = {
		"Origin: https://evil.example\r\n",
		"Origin: https://test.example.evil\r\n",
		"Origin: https://test.example:8443\r\n",
		"Origin: null\r\n",
		"Origin: ://\r\n",
		"Origin: https://\r\n",
		"Origin: \r\n",
		"Origin: https://evil/test.example\r\n",
	};
	struct gh_test *t = begin("to: http://127.0.0.1:1");

	(void)state;
	for (size_t i = 0; i < GH_COUNT_OF(others); i++) {
		char headers[256] = UPGRADE;
		strncat(headers, others[i], sizeof headers - sizeof UPGRADE);
		assert_int_equal(ask(t, headers), REFUSED);
	}
	gh_test_end(t);
}

static void one_that_is_named_may(void **state)
{
	struct gh_test *t = begin("to: http://127.0.0.1:1\norigins: https://chat.example");

	(void)state;
	assert_int_equal(ask(t, UPGRADE "Origin: https://chat.example\r\n"), GOES_ON);
	assert_int_equal(ask(t, UPGRADE "Origin: http://chat.example\r\n"), REFUSED);
	gh_test_end(t);
	t = begin("to: http://127.0.0.1:1\norigins: '*'");
	assert_int_equal(ask(t, UPGRADE "Origin: https://evil.example\r\n"), GOES_ON);
	gh_test_end(t);
}

/* What is no WebSocket is the web app's to judge: its own CORS answers. */
static void other_requests_go_on(void **state)
{
	struct gh_test *t = begin("to: http://127.0.0.1:1");

	(void)state;
	assert_int_equal(ask(t, "Origin: https://evil.example\r\n"), GOES_ON);
	gh_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_of_this_address_may),
		cmocka_unit_test(a_page_of_another_may_not),
		cmocka_unit_test(one_that_is_named_may),
		cmocka_unit_test(other_requests_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
