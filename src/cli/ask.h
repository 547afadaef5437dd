/* A question to a running kably's admin server, as `kably status` and `kably reload` ask it.
 *
 *     struct kb_question q = {.command = "status", .path = "/status"};
 *     if (!kb_question_parse(&q, argc, argv, &code)) return code;      // --admin URL, --json
 *     if (!kb_question_ask(&q)) return KB_EXIT_FAILED;                 // it has said why
 *     q.status, q.ready, q.answer
 *     kb_question_deinit(&q);
 *
 * The token, where the server wants one, comes from $KABLY_ADMIN_TOKEN. Thread: main. */
#ifndef KB_CLI_ASK_H
#define KB_CLI_ASK_H

#include "base/buf.h"
#include "cli/cli.h"

struct kb_question {
    const char *command, *path;
    bool post;
    long wait_ms; /* 0 = ten seconds */
    const char *url;
    bool json;
    struct kb_buf answer;
    long status;
    char ready[8]; /* "yes" or "no", as /status says; empty = it doesn't */
};

/* False: wrong usage, which is told, and *code is the exit code. */
bool kb_question_parse(struct kb_question *q, int argc, char **argv, int *code) KB_MUST_CHECK;
/* False: nobody answers, or not without the right token; what to do is told. */
bool kb_question_ask(struct kb_question *q) KB_MUST_CHECK;
void kb_question_deinit(struct kb_question *q);

/* For a terminal: whatever answers there, it does not move the cursor. */
void kb_question_print_lines(struct kb_question *q, FILE *to);

#endif
