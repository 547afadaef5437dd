/* See grants.h: a ring of allocations, each a grant with its texts behind it. */
#include "sandbox/grants.h"

#include "base/base64.h"
#include "base/random.h"

#define RANDOM_WORDS 4
#define RANDOM_TEXT (RANDOM_WORDS * 11) /* each as 11 characters of the URL alphabet */

struct kb_grants {
    struct kb_grant *ring[KB_GRANTS_MAX];
    size_t next;
};

struct kb_grants *kb_grants_new(void)
{
    return calloc(1, sizeof(struct kb_grants));
}

void kb_grants_clear(struct kb_grants *grants)
{
    for (size_t i = 0; i < KB_GRANTS_MAX; i++) {
        free(grants->ring[i]);
        grants->ring[i] = NULL;
    }
}

void kb_grants_free(struct kb_grants *grants)
{
    if (!grants)
        return;
    kb_grants_clear(grants);
    free(grants);
}

/* APP.RANDOM, as Ably's own begin with the app's id. */
static size_t make_token(char *to, struct kb_slice key_name)
{
    struct kb_random *random = kb_random_system();
    const char *dot = memchr(key_name.ptr, '.', key_name.len);
    size_t app_len = dot ? (size_t)(dot - key_name.ptr) : key_name.len;

    memcpy(to, key_name.ptr, app_len);
    to[app_len] = '.';
    for (size_t i = 0; i < RANDOM_WORDS; i++)
        kb_base64url_u64(to + app_len + 1 + 11 * i, random->next(random));
    return app_len + 1 + RANDOM_TEXT;
}

static struct kb_slice put(char **to, struct kb_slice text)
{
    struct kb_slice kept = {text.ptr ? *to : NULL, text.len};

    if (text.len > 0)
        memcpy(*to, text.ptr, text.len);
    *to += text.len;
    return kept;
}

const struct kb_grant *kb_grants_issue(struct kb_grants *grants, const struct kb_grant *grant)
{
    size_t texts =
        2 * grant->key_name.len + 1 + RANDOM_TEXT + grant->client_id.len + grant->capability.len;
    struct kb_grant *issued = malloc(sizeof(*issued) + texts);
    char *to = (char *)(issued + 1);

    if (!issued)
        return NULL;
    *issued = *grant;
    issued->token = (struct kb_slice){to, make_token(to, grant->key_name)};
    to += issued->token.len;
    issued->key_name = put(&to, grant->key_name);
    issued->client_id = put(&to, grant->client_id);
    issued->capability = put(&to, grant->capability);

    free(grants->ring[grants->next]);
    grants->ring[grants->next] = issued;
    grants->next = (grants->next + 1) % KB_GRANTS_MAX;
    return issued;
}

const struct kb_grant *kb_grants_find(const struct kb_grants *grants, struct kb_slice token)
{
    for (size_t i = 0; i < KB_GRANTS_MAX; i++) {
        if (grants->ring[i] && kb_slice_eq(grants->ring[i]->token, token))
            return grants->ring[i];
    }
    return NULL;
}
