/* See capability.h. Called by online_ably.c with what a token for the key says. */
#include "cli/capability.h"

static bool publishes(const struct kb_json_node *operations)
{
    for (const struct kb_json_node *one = operations->first; one; one = one->next)
        if (one->kind == KB_JSON_STRING &&
            (kb_slice_is(one->text, "publish") || kb_slice_is(one->text, "*")))
            return true;
    return false;
}

static struct kb_slice past_brackets(struct kb_slice resource)
{
    const char *end =
        resource.len > 0 && *resource.ptr == '[' ? memchr(resource.ptr, ']', resource.len) : NULL;
    size_t skipped = end ? (size_t)(end + 1 - resource.ptr) : 0;
    return (struct kb_slice){resource.ptr + skipped, resource.len - skipped};
}

/* Of a beginning it is enough that something may follow which fits. */
static bool covers(struct kb_slice resource, struct kb_slice channel, bool whole)
{
    bool star = resource.len > 0 && resource.ptr[resource.len - 1] == '*';
    struct kb_slice stem = {resource.ptr, resource.len - star};
    bool behind = star && kb_slice_starts(channel, stem);
    return behind || (whole ? !star && kb_slice_eq(channel, stem) : kb_slice_starts(stem, channel));
}

bool kb_capability_publishes(
    const struct kb_json_node *capability, struct kb_slice channel, bool whole)
{
    const struct kb_json_node *one =
        capability && capability->kind == KB_JSON_OBJECT ? capability->first : NULL;
    for (; one; one = one->next)
        if (publishes(one) && covers(past_brackets(one->name), channel, whole))
            return true;
    return false;
}
