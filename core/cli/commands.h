/*
 * The commands of `gatehouse`: each takes what stands after its name (argv[0] is the name) and returns
 * the exit code: 0, 1 for what went wrong, 2 for a wrong call. Answers go to stdout, errors to stderr.
 */
#ifndef GATEHOUSE_CORE_CLI_COMMANDS_H
#define GATEHOUSE_CORE_CLI_COMMANDS_H

#include <gatehouse/module.h>

enum { GH__EXIT_OK, GH__EXIT_FAILED, GH__EXIT_USAGE };

/* The modules that are compiled in; ends with NULL. */
extern const struct gh_module *const gh__modules[];

int gh__cli_run(int argc, char **argv);
int gh__cli_reload(int argc, char **argv);
int gh__cli_validate(int argc, char **argv);
int gh__cli_status(int argc, char **argv);
int gh__cli_usage(int argc, char **argv);
int gh__cli_hash_password(int argc, char **argv);
int gh__cli_key(int argc, char **argv);
int gh__cli_modules(int argc, char **argv);
int gh__cli_schema(int argc, char **argv);
int gh__cli_completion(int argc, char **argv);
int gh__cli_version(int argc, char **argv);

/* The whole program: finds the command. */
int gh__cli(int argc, char **argv);

/* ---- shared by commands ---- */

/* The config where none is named: gateway.yaml here, else /etc/gatehouse/gateway.yaml. */
const char *gh__cli_config(void);

/* Reads `--config FILE` and `--help`. -1: go on, with the file (gateway.yaml here, else
 * /etc/gatehouse/gateway.yaml); otherwise the exit code. `ret_rest`, where not NULL, takes the one
 * operand that the command may have. */
int gh__cli_options(int argc, char **argv, const char *help, const char **ret_config,
		    const char **ret_rest);

/* Asks the daemon whose admin address this config names: 0 and the answer, whose body is for
 * gh__free(); 409 where it serves by another file. -1: none is there. 1: the config has mistakes, of
 * which nothing was told: gh__server_check() tells all. */
int gh__cli_ask(const char *config, const char *method, const char *path, int *ret_status,
		struct gh_str *ret_body);

#endif
