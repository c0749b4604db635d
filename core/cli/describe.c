/* modules, schema, completion, version: what the program tells of itself. */
#include <stdio.h>

#include "core/base/memory.h"
#include "core/cli/commands.h"
#include "core/config/config.h"

static int print(struct gh__arena *a, struct gh_str text)
{
	fwrite(text.at, 1, text.len, stdout);
	gh__arena_finish(a);
	return GH__EXIT_OK;
}

int gh__cli_modules(int argc, char **argv)
{
	static const char help[] =
		"usage: gatehouse modules [NAME | --markdown]\n\n"
		"Lists the modules that are compiled in, or documents one of them. --markdown\n"
		"prints the whole reference, docs/modules.md.\n";
	struct gh__arena a = { 0 };
	const char *name = NULL;

	gh__arena_init(&a, NULL, 0);
	if (argc == 2 && strcmp(argv[1], "--markdown") == 0)
		return print(&a, gh__describe_markdown(&a, gh__modules));
	int code = gh__cli_options(argc, argv, help, NULL, &name);
	if (code >= 0)
		return code;
	for (const struct gh_module *const *m = gh__modules; *m; m++) {
		if (!name)
			printf("%-16s %.*s\n", (*m)->name, (int)(strcspn((*m)->doc, ".") + 1),
			       (*m)->doc);
		else if (strcmp(name, (*m)->name) == 0)
			return print(&a, gh__describe_module(&a, *m));
	}
	if (!name)
		return GH__EXIT_OK;
	fprintf(stderr,
		"gatehouse modules: there is no module '%s'; gatehouse modules lists them\n", name);
	return GH__EXIT_FAILED;
}

int gh__cli_schema(int argc, char **argv)
{
	static const char help[] =
		"usage: gatehouse schema\n\n"
		"Prints the JSON Schema of gateway.yaml, which editors can check against.\n";
	struct gh__arena a = { 0 };
	int code = gh__cli_options(argc, argv, help, NULL, NULL);

	gh__arena_init(&a, NULL, 0);
	return code >= 0 ? code : print(&a, gh__describe_schema(&a, gh__modules));
}

int gh__cli_completion(int argc, char **argv)
{
	static const char help[] = "usage: gatehouse completion\n\n"
				   "Prints the completion for bash. To have it in this shell:\n"
				   "  eval \"$(gatehouse completion)\"\n";
	static const char script[] =
		"_gatehouse() {\n"
		"	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
		"	case $before in\n"
		"	-c | --config) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
		"	--by) COMPREPLY=($(compgen -W 'user model day' -- \"$word\")); return ;;\n"
		"	--state-dir) COMPREPLY=($(compgen -d -- \"$word\")); return ;;\n"
		"	--to) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
		"	--priority) COMPREPLY=($(compgen -W 'low normal high' -- \"$word\")); "
		"return ;;\n"
		"	key) COMPREPLY=($(compgen -W 'new list revoke --help' -- \"$word\")); "
		"return ;;\n"
		"	modules)\n"
		"		COMPREPLY=($(compgen -W \"--markdown $(\"${COMP_WORDS[0]}\" "
		"modules | cut -d' ' -f1)\" "
		"-- \"$word\"))\n"
		"		return ;;\n"
		"	esac\n"
		"	if [ \"$COMP_CWORD\" = 1 ]; then\n"
		"		COMPREPLY=($(compgen -W 'run validate reload status usage "
		"hash-password "
		"key modules schema "
		"completion version help' -- \"$word\"))\n"
		"	elif [ \"${COMP_WORDS[1]}\" = usage ]; then\n"
		"		COMPREPLY=($(compgen -W '--by --since --json --state-dir --config "
		"--help' "
		"-- \"$word\"))\n"
		"	elif [ \"${COMP_WORDS[1]}\" = key ]; then\n"
		"		COMPREPLY=($(compgen -W '--models --expires --priority --limit "
		"--json "
		"--cut --to --config "
		"--help' -- \"$word\"))\n"
		"	else\n"
		"		COMPREPLY=($(compgen -W '--config --help' -- \"$word\"))\n"
		"	fi\n"
		"}\n"
		"complete -F _gatehouse gatehouse\n";
	int code = gh__cli_options(argc, argv, help, NULL, NULL);

	if (code >= 0)
		return code;
	fputs(script, stdout);
	return GH__EXIT_OK;
}

int gh__cli_version(int argc, char **argv)
{
	static const char help[] = "usage: gatehouse version\n\nPrints the version.\n";
	int code = gh__cli_options(argc, argv, help, NULL, NULL);

	if (code >= 0)
		return code;
	puts("gatehouse " GH_VERSION);
	return GH__EXIT_OK;
}
