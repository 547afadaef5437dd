/* Any text as a kably file: an answer within the limits, never a crash, and what loads prints a
 * file that loads again. */
#include "config/config.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The printed form hides the key; everything else must come through. */
static void load_printed(struct kb_config *config)
{
    char *text = NULL;
    size_t size = 0;
    struct kb_problems problems;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return;
    kb_config_print(config, out);
    fclose(out);
    char *hidden = strstr(text, "key = \"***\"");
    KB_BUG_ON(!hidden);
    memcpy(hidden, "key='a.b:c'", strlen("key='a.b:c'"));
    kb_problems_init(&problems);
    struct kb_config *again =
        kb_config_load_text("printed.lua", (struct kb_slice){text, size}, &problems);
    kb_problems_print(&problems, stderr);
    KB_BUG_ON(!again && !strstr(text, "***")); /* another secret may not be valid as "***" */
    kb_config_unref(again);
    kb_problems_deinit(&problems);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kb_problems problems;
    kb_log_setup(KB_LOG_ERROR, KB_LOG_TEXT);
    kb_problems_init(&problems);
    struct kb_config *config =
        kb_config_load_text("fuzz.lua", (struct kb_slice){(const char *)data, size}, &problems);
    KB_BUG_ON((config != NULL) != (problems.errors == 0));
    if (config)
        load_printed(config);
    kb_config_unref(config);
    kb_problems_deinit(&problems);
    return 0;
}
