/* Copies of the options of credentials; see auth.h. Called by auth.c, and by whoever wants to know
 * whether a reload changed them. */
#include "ably/auth_inside.h"

static bool copy_text(const char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

static bool copy_list(char *const **to, char *const *from)
{
    size_t n = 0;
    *to = NULL;
    if (!from)
        return true;
    while (from[n])
        n++;
    char **list = calloc(n + 1, sizeof(*list));
    *to = list;
    for (size_t i = 0; list && i < n; i++)
        if (!(list[i] = strdup(from[i])))
            return false;
    return list != NULL;
}

static void free_list(char *const *list)
{
    for (char *const *text = list; text && *text; text++)
        free(*text);
    free((void *)list);
}

bool kb_auth_options_copy(struct kb_auth_options *to, const struct kb_auth_options *from)
{
    *to = *from;
    bool ok = copy_text(&to->key, from->key);
    ok = copy_text(&to->key_file, from->key_file) && ok;
    ok = copy_text(&to->token, from->token) && ok;
    ok = copy_text(&to->token_file, from->token_file) && ok;
    ok = copy_text(&to->client_id, from->client_id) && ok;
    ok = copy_text(&to->auth_url, from->auth_url) && ok;
    ok = copy_text(&to->capability, from->capability) && ok;
    ok = copy_text(&to->agent, from->agent) && ok;
    ok = copy_list(&to->auth_headers, from->auth_headers) && ok;
    return copy_list(&to->auth_params, from->auth_params) && ok;
}

void kb_auth_options_free(struct kb_auth_options *options)
{
    free((char *)options->key);
    free((char *)options->key_file);
    free((char *)options->token);
    free((char *)options->token_file);
    free((char *)options->client_id);
    free((char *)options->auth_url);
    free((char *)options->capability);
    free((char *)options->agent);
    free_list(options->auth_headers);
    free_list(options->auth_params);
}

static bool same_list(char *const *a, char *const *b)
{
    if (!a || !b)
        return a == b;
    while (*a && *b && strcmp(*a, *b) == 0) {
        a++;
        b++;
    }
    return !*a && !*b;
}

bool kb_auth_options_same(const struct kb_auth_options *a, const struct kb_auth_options *b)
{
    return kb_text_same(a->key, b->key) && kb_text_same(a->key_file, b->key_file) &&
           kb_text_same(a->token, b->token) && kb_text_same(a->token_file, b->token_file) &&
           kb_text_same(a->client_id, b->client_id) && a->use_token == b->use_token &&
           a->exchange == b->exchange && kb_text_same(a->auth_url, b->auth_url) &&
           a->auth_post == b->auth_post && same_list(a->auth_headers, b->auth_headers) &&
           same_list(a->auth_params, b->auth_params) &&
           kb_text_same(a->capability, b->capability) && a->ttl_ms == b->ttl_ms &&
           kb_text_same(a->agent, b->agent) && a->open_timeout_ms == b->open_timeout_ms &&
           a->timeout_ms == b->timeout_ms;
}

bool kb_auth_is_basic(const struct kb_auth_options *options)
{
    return options->key && !options->token && !options->auth_url && !options->use_token;
}
