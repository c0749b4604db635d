#include "page.h"

#include <string.h>

/*
 * The assembler takes the files in as they are. The build says where they are: an absolute path
 * in DEMO_ASSETS, and it must build this file again when one of them changes.
 */
#ifndef DEMO_ASSETS
#error "define DEMO_ASSETS as a string: the folder of chat.html, without a slash at the end"
#endif

#define EMBED(name, file) \
	__asm__(".pushsection .rodata\n" \
		".globl demo_" name "\n" \
		".globl demo_" name "_end\n" \
		".hidden demo_" name "\n" \
		".hidden demo_" name "_end\n" \
		"demo_" name ":\n" \
		".incbin \"" DEMO_ASSETS "/" file "\"\n" \
		"demo_" name "_end:\n" \
		".byte 0\n" \
		".popsection\n")

EMBED("html", "chat.html");
EMBED("css", "chat.css");
EMBED("js", "chat.js");
EMBED("icon", "icon.svg");

#define HIDDEN __attribute__((visibility("hidden")))
extern const char demo_html[] HIDDEN, demo_html_end[] HIDDEN;
extern const char demo_css[] HIDDEN, demo_css_end[] HIDDEN;
extern const char demo_js[] HIDDEN, demo_js_end[] HIDDEN;
extern const char demo_icon[] HIDDEN, demo_icon_end[] HIDDEN;

static const struct demo_page pages[] = {
	{ .path = "/",
	  .type = "text/html; charset=utf-8",
	  .start = demo_html,
	  .end = demo_html_end },
	{ .path = "/chat.css",
	  .type = "text/css; charset=utf-8",
	  .start = demo_css,
	  .end = demo_css_end },
	{ .path = "/chat.js",
	  .type = "text/javascript; charset=utf-8",
	  .start = demo_js,
	  .end = demo_js_end },
	{ .path = "/icon.svg", .type = "image/svg+xml", .start = demo_icon, .end = demo_icon_end },
};

const struct demo_page *demo_page_find(const char *path)
{
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if (!strcmp(pages[i].path, path))
			return &pages[i];
	return NULL;
}
