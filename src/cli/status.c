/* `kably status [--admin URL] [--json]`: asks a running kably how it is. The table comes from the
 * admin server as text, so there is nothing to read out of it here; whether it is ready stands in a
 * header. */
#include "cli/ask.h"

#include <string.h>

static int tell(struct kb_question *q)
{
    if (q->status != 200 || !*q->ready) {
        fprintf(
            stderr, "kably status: %s answers HTTP %ld, not as a kably does\n", q->url, q->status);
        return KB_EXIT_FAILED;
    }
    if (q->json)
        fwrite(q->answer.ptr, 1, q->answer.len, stdout);
    else
        kb_question_print_lines(q, stdout);
    return strcmp(q->ready, "yes") == 0 ? KB_EXIT_DONE : KB_EXIT_FAILED;
}

int kb_cli_status(int argc, char **argv)
{
    struct kb_question q = {.command = "status", .path = "/status"};
    int code;
    if (!kb_question_parse(&q, argc, argv, &code))
        return code;
    if (!kb_question_ask(&q))
        return KB_EXIT_FAILED;
    code = tell(&q);
    kb_question_deinit(&q);
    return code;
}
