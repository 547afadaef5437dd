/* A record's way through a configuration, as the daemon would take it, up to the bytes for Ably and
 * no further: what `kably test`, `kably preview` and `kably check` stand on.
 *
 *     struct kb_trial trial;
 *     if (!kb_trial_init(&trial, config, NULL, &err)) ...       // its hooks can't be loaded
 *     switch (kb_trial_run(&trial, rules, &rec, &err)) {
 *     case KB_TRIAL_MESSAGES: trial.router.n_messages; kb_trial_spec(&trial, i)
 *     case KB_TRIAL_DROPPED: ...
 *     case KB_TRIAL_FAILED: err says why; kb_trial_policy(&trial, rules, &err): then what
 *     case KB_TRIAL_WAITS: for a schema, where trial.router.schemas is set; err names it
 *     }
 *     kb_trial_deinit(&trial);
 *
 * Messages live until the next run. Thread: one at a time. */
#ifndef KB_CLI_TRIAL_H
#define KB_CLI_TRIAL_H

#include "ably/cipher.h"
#include "config/tests.h"
#include "route/route.h"

struct kb_trial {
    const struct kb_config *config;
    struct kb_hooks *hooks;
    struct kb_router router;
    struct kb_buf spec;
    struct kb_sealer sealer;
    struct kb_slice sealed_as; /* how the data of the last message goes out, such as
                                  "json/utf-8/cipher+aes-256-cbc"; ptr NULL = in clear */
    bool to_letters; /* the last failure goes to the dead letters, whatever on_error says */
};

enum kb_trial_fate { KB_TRIAL_MESSAGES, KB_TRIAL_DROPPED, KB_TRIAL_FAILED, KB_TRIAL_WAITS };

/* `lines` notes what runs of the file (script/lines.h); NULL = nobody asks. */
bool kb_trial_init(struct kb_trial *trial, const struct kb_config *config, struct kb_lines *lines,
    struct kb_err *err) KB_MUST_CHECK;
void kb_trial_deinit(struct kb_trial *trial);

enum kb_trial_fate kb_trial_run(struct kb_trial *trial, const struct kb_rules *rules,
    const struct kb_record *rec, struct kb_err *err) KB_MUST_CHECK;
/* A record of a test, and the rules it goes by: what was given as a Lua value is JSON, whatever the
 * topic's format. Both borrow. False: KB_ERR_CONFIG, the record names no topic of the file. */
bool kb_trial_rules(const struct kb_trial *trial, const struct kb_test_record *given,
    struct kb_record *rec, struct kb_rules *rules, struct kb_err *err) KB_MUST_CHECK;
/* One message as it stands in a request, its data in clear also where that is encrypted; until the
 * next call. */
struct kb_slice kb_trial_spec(struct kb_trial *trial, size_t i);
const char *kb_trial_policy(
    const struct kb_trial *trial, const struct kb_rules *rules, const struct kb_err *err);

#endif
