/* Asks a topic's function about a null value; see null_value.h. Called by route.c. */
#include "route/null_value.h"

static bool read_word(struct kb_slice word, enum kb_null_value *out)
{
    static const char *const words[] = {
#define X(id, name) [KB_NULL_##id] = name,
        KB_NULL_VALUES(X)
#undef X
    };
    for (size_t i = 0; i < KB_COUNT(words); i++) {
        if (kb_slice_is(word, words[i])) {
            *out = (enum kb_null_value)i;
            return true;
        }
    }
    return false;
}

bool kb_null_value_ask(struct kb_hooks *hooks, const struct kb_rules *rules,
    enum kb_null_value *out, struct kb_err *err)
{
    struct kb_slice word;
    *out = KB_NULL_PUBLISH;
    if (!kb_hooks_null_value(hooks, rules->number, &word, err))
        return false;
    bool known = !word.ptr || read_word(word, out);
    if (known && (*out != KB_NULL_DLQ || rules->dead_letters))
        return true;
    kb_err_record(err, KB_FAILURE_HOOK, "returned \"%.60s\"%s", word.ptr,
        known ? ", but there is no dead_letter { topic = \"NAME\" }"
              : "; expected \"publish\", \"skip\" or \"dlq\"");
    return kb_err_wrap(
        err, "null_value: the function at %s", rules->functions[KB_HOOK_NULL_VALUE].place);
}
