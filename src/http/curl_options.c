/* Copies of the options; see curl_inside.h. Called by curl_transport.c. */
#include "http/curl_inside.h"

#define OPTION_TEXTS 7

/* The texts of options, in one order. */
static void list_texts(struct kb_curl_options *options, const char **texts[OPTION_TEXTS])
{
    const char **all[OPTION_TEXTS] = {&options->user_agent, &options->ca_file, &options->cert_file,
        &options->key_file, &options->key_password, &options->proxy, &options->no_proxy};
    memcpy(texts, all, sizeof(all));
}

void kb_curl_options_free(struct kb_curl_options *options)
{
    const char **texts[OPTION_TEXTS];
    list_texts(options, texts);
    for (size_t i = 0; i < OPTION_TEXTS; i++)
        free((char *)*texts[i]);
}

bool kb_curl_options_copy(struct kb_curl_options *to, const struct kb_curl_options *from)
{
    const char **texts[OPTION_TEXTS];
    bool ok = true;
    *to = *from;
    list_texts(to, texts);
    for (size_t i = 0; i < OPTION_TEXTS; i++) {
        const char *given = *texts[i];
        *texts[i] = given ? strdup(given) : NULL;
        ok = ok && (*texts[i] || !given);
    }
    return ok;
}

bool kb_curl_options_same(const struct kb_curl_options *a, const struct kb_curl_options *b)
{
    struct kb_curl_options left = *a, right = *b;
    const char **lefts[OPTION_TEXTS], **rights[OPTION_TEXTS];
    bool same = true;
    list_texts(&left, lefts);
    list_texts(&right, rights);
    for (size_t i = 0; i < OPTION_TEXTS; i++)
        same = same && kb_text_same(*lefts[i], *rights[i]);
    return same;
}
