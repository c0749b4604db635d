#include "core/cli/commands.h"

int main(int argc, char **argv)
{
	return gh__cli(argc, argv);
}
