/* The list of editions; see edition.h. It is short: a reload leaves one behind only while records
 * of before it are in flight. */
#include "pipeline/edition.h"

#include <stdlib.h>

struct kb_edition *kb_edition_new(struct kb_config *config)
{
    struct kb_edition *edition = calloc(1, sizeof(*edition));
    if (edition)
        edition->config = kb_config_ref(config);
    return edition;
}

void kb_edition_free(struct kb_edition *edition)
{
    if (!edition)
        return;
    kb_hooks_free(edition->hooks);
    kb_config_unref(edition->config);
    free(edition);
}

static void remove_old(struct kb_editions *editions, struct kb_edition *edition)
{
    struct kb_edition **link = &editions->now->next;
    while (*link != edition)
        link = &(*link)->next;
    *link = edition->next;
    kb_edition_free(edition);
}

void kb_editions_push(struct kb_editions *editions, struct kb_edition *edition)
{
    struct kb_edition *before = editions->now;
    edition->next = before;
    editions->now = edition;
    if (before && before->open == 0)
        remove_old(editions, before);
}

bool kb_editions_replace(struct kb_editions *editions, struct kb_config *config)
{
    struct kb_edition *edition = kb_edition_new(config);
    if (edition)
        kb_editions_push(editions, edition);
    return edition != NULL;
}

bool kb_editions_init(struct kb_editions *editions, struct kb_config *config)
{
    *editions = (struct kb_editions){.now = NULL};
    return kb_editions_replace(editions, config);
}

void kb_editions_deinit(struct kb_editions *editions)
{
    while (editions->now) {
        struct kb_edition *edition = editions->now;
        editions->now = edition->next;
        kb_edition_free(edition);
    }
}

void kb_edition_done(struct kb_editions *editions, struct kb_edition *edition)
{
    if (--edition->open == 0 && edition != editions->now)
        remove_old(editions, edition);
}
