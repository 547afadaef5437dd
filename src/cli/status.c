/* `kably status [--admin URL] [--json]`: asks a running kably how it is. The table comes from the
 * admin server as text, so there is nothing to read out of it here; whether it is ready stands in a
 * header. */
#include "cli/ask.h"

#include <string.h>

static int tell(struct kb_question *q)
{
    if (q->status != 200 || !*q->ready)
        return kb_question_strange(q);
    kb_question_print(q, stdout);
    return strcmp(q->ready, "yes") == 0 ? KB_EXIT_DONE : KB_EXIT_FAILED;
}

int kb_cli_status(int argc, char **argv)
{
    struct kb_question q = {.command = "status", .path = "/status"};
    return kb_question_run(&q, argc, argv, tell);
}
