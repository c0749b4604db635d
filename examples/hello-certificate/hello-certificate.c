/*
 * hello-certificate: asks a command of yours for a certificate and its key, again and again. What the
 * command prints is served, so anything that can print PEM can be a source.
 */
#include <stdio.h>

#include <gatehouse/module.h>

struct source {
	struct gh_str command;
	struct gh_duration every;
};

static const struct gh_option options[] = {
	GH_OPTION(struct source, command, NULL,
		  "Prints the certificate, those that signed it, and its key, as PEM. It must come "
		  "to an end: `timeout 30 COMMAND`.",
		  .flags = GH_REQUIRED),
	GH_OPTION(struct source, every, "1h", "How often it is asked.", .min = 1000), GH_OPTIONS_END
};

static int64_t renew(const void *self_, struct gh_certificate_sink *to)
{
	const struct source *self = self_;
	char pem[32768];
	size_t len = 0;
	FILE *out = popen(self->command.at, "re"); /* an option is terminated */

	if (out)
		len = fread(pem, 1, sizeof pem, out);
	if (!out || pclose(out) != 0)
		gh_certificate_trouble(to, "'" GH_FMT "' failed; run it by hand to see why",
				       GH_ARG(self->command));
	else
		gh_certificate_give(to, (struct gh_str){ pem, len }, (struct gh_str){ pem, len });
	explicit_bzero(pem, len);
	return self->every.ms;
}

static const struct gh_certificates certificates = { .renew = renew };

const struct gh_module gh_module_hello_certificate = {
	.name = "hello-certificate",
	.doc = "Serves the certificate that a command prints.",
	.options = options,
	.self_size = sizeof(struct source),
	.certificates = &certificates,
};
