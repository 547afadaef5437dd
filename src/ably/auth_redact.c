/* Texts of others without our secrets: a gateway may say "the token eyJ... is not valid", and what
 * it says is logged, shown in the status, and written into dead letters. See auth.h. Called where
 * such a text is about to be shown, which is after an error, never for each record. */
#include "ably/auth_inside.h"
#include "base/base64.h"

#define STARS "***"
#define PART_MIN 12 /* so much of a secret's beginning is one, too: texts are cut */
#define SHORT 8     /* what is shorter may stand in any text */

/* How many bytes at `at` are the secret, or its beginning. */
static size_t matches(const char *at, struct kb_slice secret)
{
    size_t n = 0;
    while (n < secret.len && at[n] && at[n] == secret.ptr[n])
        n++;
    return n == secret.len || n >= PART_MIN ? n : 0;
}

/* Stars are never longer than what they stand for. */
static void hide(char *text, struct kb_slice secret)
{
    if (secret.len < SHORT)
        return;
    char *to = text;
    for (const char *at = text; *at;) {
        size_t n = matches(at, secret);
        if (n > 0) {
            memcpy(to, STARS, strlen(STARS));
            to += strlen(STARS);
            at += n;
        } else {
            *to++ = *at++;
        }
    }
    *to = '\0';
}

/* "Authorization: Basic ..." or "... Bearer ...": what stands behind it, and what that was made of.
 */
static void hide_line(char *text, const struct kb_buf *line)
{
    const char *word = line->len > 0 ? strrchr(line->ptr, ' ') : NULL;
    if (!word)
        return;
    struct kb_slice sent = kb_slice_of(word + 1);
    struct kb_buf plain;
    kb_buf_init(&plain, sent.len + 3);
    hide(text, sent);
    if (kb_base64_decode(&plain, sent))
        hide(text, kb_buf_slice(&plain));
    kb_auth_wipe(&plain);
}

void kb_auth_redact(const struct kb_auth *auth, char *text)
{
    struct kb_slice key = kb_buf_slice(&auth->key);
    const char *colon = key.len ? memchr(key.ptr, ':', key.len) : NULL;
    if (colon)
        hide(text, (struct kb_slice){colon + 1, key.len - (size_t)(colon + 1 - key.ptr)});
    hide_line(text, &auth->lines[0]);
    hide_line(text, &auth->lines[1]);
    hide(text, kb_buf_slice(&auth->token));
    for (char *const *h = auth->options.auth_headers; h && h[0]; h += 2)
        hide(text, kb_slice_of(h[1]));
}
