/* What happens in the demo: records are written one at a time and shown beside what a subscriber
 * got, then many at once; the books are balanced; with --stay it goes on, slowly, until a signal.
 *
 * Thread: kb_story_tell has one of its own. daemon_ended is the main thread's, everything else the
 * story's until it has returned. */
#ifndef KB_DEMO_STORY_H
#define KB_DEMO_STORY_H

#include "demo/demo.h"
#include "demo/feed.h"
#include "demo/ledger.h"
#include "demo/listener.h"
#include "demo/place.h"
#include "demo/screen.h"

#include <stdatomic.h>

enum { KB_STORY_TEXT_MAX = 256 };

struct kb_story {
    struct kb_demo_options options;
    struct kb_place place;
    int admin_port; /* 0 = there is no status page */
    atomic_bool daemon_ended;
    bool good; /* the result */

    struct kb_feed *feed;
    struct kb_listener *listener;
    struct kb_ledger *ledger;
    struct kb_screen screen;
    bool failed; /* the story can't go on, and has said why */

    /* The record that is shown next, and what became of it. */
    size_t watched;
    struct {
        enum kb_tint tint;
        char head[KB_STORY_TEXT_MAX], body[KB_STORY_TEXT_MAX];
    } answer;

    size_t one_by_one;  /* how many records were sent one at a time */
    int64_t at_once_us; /* how long the others took, from the first sent to the last settled */
};

void kb_story_tell(struct kb_story *story);

#endif
