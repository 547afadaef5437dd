/* `kably reload [--admin URL] [--json]`: has a running kably load its file anew, and waits for what
 * becomes of it. */
#include "cli/ask.h"

#define WAIT_MS 60000L /* workers that make room for others may drain first */

static int tell(struct kb_question *q)
{
    if (q->status != 200 && q->status != 422)
        return kb_question_strange(q);
    kb_question_print(q, q->status == 200 ? stdout : stderr);
    if (q->status == 200)
        return KB_EXIT_DONE;
    fputs("kably reload: nothing was changed\n", stderr);
    return KB_EXIT_FAILED;
}

int kb_cli_reload(int argc, char **argv)
{
    struct kb_question q = {
        .command = "reload", .path = "/reload", .post = true, .wait_ms = WAIT_MS};
    return kb_question_run(&q, argc, argv, tell);
}
