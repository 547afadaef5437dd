/* Is a message what a test expects? By member, and by path where a member differs.
 *
 *     struct kb_expect expect;
 *     kb_expect_init(&expect);
 *     kb_expect_message(&expect, wanted, spec, "message 1");   // a JSON object, an encoded spec
 *     kb_buf_slice(&expect.differences)       // message 1: data.text: expected "hi", got "ho"
 *     kb_expect_deinit(&expect);
 *
 * Of the message only the members that are expected are looked at, of `extras` their own members;
 * each of those must be the same as a whole. `extras` without members: the message has none. JSON
 * is compared by what it says: no order of members, no white space, 1.0 is 1. `data` that is JSON
 * may be expected as a value, or as its very text. Of long texts what is shown begins shortly
 * before the first difference. Thread: one at a time. */
#ifndef KB_CLI_EXPECT_H
#define KB_CLI_EXPECT_H

#include "base/arena.h"
#include "base/buf.h"

struct kb_expect {
    struct kb_arena arena;
    struct kb_buf differences;
};

void kb_expect_init(struct kb_expect *expect);
void kb_expect_deinit(struct kb_expect *expect);

void kb_expect_message(
    struct kb_expect *expect, struct kb_slice wanted, struct kb_slice spec, const char *what);
/* Byte for byte; where they differ, both are told whole, to be copied, and the place. */
void kb_expect_text(
    struct kb_expect *expect, struct kb_slice wanted, struct kb_slice got, const char *what);

#endif
