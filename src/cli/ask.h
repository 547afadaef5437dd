/* A question to a running kably's admin server: the whole of commands like `kably status`.
 *
 *     static int tell(struct kb_question *q)          // q->status, q->ready, q->answer
 *     {
 *         if (q->status != 200)
 *             return kb_question_strange(q);
 *         kb_question_print(q, stdout);
 *         return KB_EXIT_DONE;
 *     }
 *
 *     struct kb_question q = {.command = "status", .path = "/status"};
 *     return kb_question_run(&q, argc, argv, tell);   // takes --admin URL and --json
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

/* What an answer means: prints it and returns the exit code. The answer is gone afterwards. */
typedef int kb_question_tell(struct kb_question *q);

/* Asks, and returns the exit code: `tell`'s, or that of wrong usage, of nobody there or of a token
 * that is missing or wrong, about which it has said what to do. */
int kb_question_run(struct kb_question *q, int argc, char **argv, kb_question_tell *tell);

/* For `tell`. JSON goes to standard output as it is, text to `to`, where it can't move a terminal's
 * cursor, whatever it is that answers there. */
void kb_question_print(struct kb_question *q, FILE *to);
/* That is no kably's answer: says so, and returns KB_EXIT_FAILED. */
int kb_question_strange(const struct kb_question *q);

#endif
