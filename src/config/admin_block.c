/* The block `admin`: what must hold of its options together. Called by load.c, which has set them.
 */
#include "base/address.h"
#include "config/load.h"

#define TOKEN_SHORT 16

/* Does it fit into a header as it is? */
static bool is_token(const char *token)
{
    for (; *token; token++)
        if (*token <= ' ' || *token > '~')
            return false;
    return true;
}

static void check_token(const struct kb_load *load, const struct kb_block *block, const char *token)
{
    if (!is_token(token))
        kb_load_problem(load, block, KB_S("token"),
            "has a space or a character that is not ASCII; it travels in an HTTP header");
    else if (strlen(token) < TOKEN_SHORT)
        kb_load_warning(load, block, KB_S("token"),
            "has only %zu characters and can be guessed; `openssl rand -hex 24` makes a good one",
            strlen(token));
}

void kb_load_admin(const struct kb_load *load)
{
    const struct kb_block *block = &load->once[KB_BLOCK_ADMIN];
    const char *listen = load->config->admin.listen, *token = load->config->admin.token;
    struct kb_address address;
    struct kb_err err;
    if (token)
        check_token(load, block, token);
    if (!listen)
        return;
    if (!kb_address_parse(kb_slice_of(listen), &address, &err))
        kb_load_problem(load, block, KB_S("listen"), "%s", err.text);
    else if (!address.loopback && !kb_raw_get(&block->body, "token"))
        kb_load_problem(load, block, KB_S("token"),
            "missing: other machines can reach %s; set token = env \"KABLY_ADMIN_TOKEN\", or "
            "listen = \"127.0.0.1:8088\"",
            listen);
}
