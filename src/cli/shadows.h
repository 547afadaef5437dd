/* Settings of a topic that its transform leaves without effect, as the records of the tests show: a
 * name in the topic's block, say, where every message brings its own.
 *
 *     struct kb_shadows shadows;
 *     if (!kb_shadows_init(&shadows, config)) ...        // no memory
 *     kb_shadows_note(&shadows, rules, &trial);          // behind each KB_TRIAL_MESSAGES
 *     n = kb_shadows_tell(&shadows, &tests, stderr);     // so many warnings, each with FILE:LINE
 *     kb_shadows_deinit(&shadows);
 *
 * What can be seen without records is config/unused.c's. Thread: main. */
#ifndef KB_CLI_SHADOWS_H
#define KB_CLI_SHADOWS_H

#include "cli/trial.h"

struct kb_shadows {
    const struct kb_config *config;
    struct kb_shadowed *topics; /* by number of the block */
};

bool kb_shadows_init(struct kb_shadows *shadows, const struct kb_config *config) KB_MUST_CHECK;
void kb_shadows_deinit(struct kb_shadows *shadows);
void kb_shadows_note(
    struct kb_shadows *shadows, const struct kb_rules *rules, const struct kb_trial *trial);
size_t kb_shadows_tell(const struct kb_shadows *shadows, const struct kb_tests *tests, FILE *to);

#endif
