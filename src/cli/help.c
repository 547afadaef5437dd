/* Help and usage errors. */
#include "base/suggest.h"
#include "cli/cli.h"

#include <stdarg.h>
#include <string.h>

void kb_cli_print_commands(FILE *to)
{
    fprintf(to, "kably publishes Kafka records to Ably channels.\n\n");
    fprintf(to, "usage: kably COMMAND [ARGUMENT]...\n\n");
    for (int i = 0; i < kb_n_commands; i++) {
        const struct kb_command *command = &kb_commands[i];
        fprintf(to, "  %-8s %s\n", command->name, command->help);
    }
    fprintf(to, "\n`kably help COMMAND` tells more; `kably --version` the versions.\n"
                "Exit codes: 0 done, 1 the work failed, 2 wrong usage or configuration.\n");
}

static void print_command(const struct kb_command *command)
{
    printf("usage: kably %s %s\n\n%s%s", command->name, command->arguments, command->help,
        command->details[0] ? ".\n\n" : ".\n");
    fputs(command->details, stdout);
}

int kb_cli_help(int argc, char **argv)
{
    const struct kb_command *command;

    if (argc > 1)
        return kb_cli_usage("help", "one command at a time");
    if (argc == 0) {
        kb_cli_print_commands(stdout);
        return KB_EXIT_DONE;
    }
    command = kb_command_find(argv[0]);
    if (!command)
        return kb_cli_unknown(argv[0]);
    print_command(command);
    return KB_EXIT_DONE;
}

bool kb_cli_asks_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

int kb_cli_usage(const char *command, const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "kably %s: ", command);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "; see `kably help %s`\n", command);
    return KB_EXIT_USAGE;
}

int kb_cli_unknown_option(
    const char *command, const char *given, const char *const *known, size_t n_known)
{
    const char *nearest = kb_suggest(kb_slice_of(given), known, n_known);

    if (nearest)
        return kb_cli_usage(command, "unknown \"%s\", did you mean \"%s\"", given, nearest);
    return kb_cli_usage(command, "unknown \"%s\"", given);
}

int kb_cli_unknown(const char *name)
{
    const char *names[32], *nearest;
    int n = 0;

    for (; n < kb_n_commands && n < (int)KB_COUNT(names); n++)
        names[n] = kb_commands[n].name;
    nearest = kb_suggest(kb_slice_of(name), names, (size_t)n);
    fprintf(stderr, "kably: unknown command \"%s\"", name);
    if (nearest)
        fprintf(stderr, "; did you mean \"%s\"?\n", nearest);
    else
        fprintf(stderr, "; `kably help` shows them\n");
    return KB_EXIT_USAGE;
}
