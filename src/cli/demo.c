/* `kably demo`: reads the options; everything else is the room demo/. */
#include "demo/demo.h"

#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool read_records(const char *text, uint32_t *out)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < 1 || number > KB_DEMO_RECORDS_MAX)
        return false;
    *out = (uint32_t)number;
    return true;
}

int kb_cli_demo(int argc, char **argv)
{
    static const char *const known[] = {"--stay", "--records", "--real"};
    struct kb_demo_options options = {0};

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--stay") == 0) {
            options.stay = true;
        } else if (strcmp(argv[i], "--real") == 0) {
            options.real = true;
        } else if (strcmp(argv[i], "--records") == 0) {
            const char *number = i + 1 < argc ? argv[++i] : "";
            if (!read_records(number, &options.records))
                return kb_cli_usage(
                    "demo", "--records %s: expected 1 to %d", number, KB_DEMO_RECORDS_MAX);
        } else {
            return kb_cli_unknown_option("demo", argv[i], known, KB_COUNT(known));
        }
    }
    return kb_demo_run(&options);
}
