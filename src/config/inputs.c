/* The notes of what a file read; see inputs.h. Called by helpers.c inside protected calls, so it
 * holds nothing across a call that could raise. */
#include "config/inputs.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define ARENA_MAX (64u << 20)

struct kb_input {
    struct kb_input *next;
    enum kb_input_kind kind;
    struct kb_slice name, text;
    const char *problem; /* NULL = it could be read */
};

void kb_inputs_init(struct kb_inputs *inputs)
{
    *inputs = (struct kb_inputs){0};
    inputs->end = &inputs->first;
    kb_arena_init(&inputs->arena, ARENA_MAX);
}

void kb_inputs_deinit(struct kb_inputs *inputs)
{
    kb_arena_deinit(&inputs->arena);
    kb_inputs_init(inputs);
}

void kb_inputs_seal(struct kb_inputs *inputs)
{
    inputs->sealed = true;
}

void kb_inputs_move(struct kb_inputs *to, struct kb_inputs *from)
{
    *to = *from;
    if (!to->first)
        to->end = &to->first;
    kb_inputs_init(from);
}

static struct kb_input *find(
    const struct kb_inputs *inputs, enum kb_input_kind kind, const char *name)
{
    struct kb_input *input = inputs->first;
    while (input && (input->kind != kind || !kb_slice_is(input->name, name)))
        input = input->next;
    return input;
}

static const char *keep(struct kb_inputs *inputs, const char *text)
{
    struct kb_slice copy;
    return kb_arena_copy(&inputs->arena, (struct kb_slice){text, strlen(text) + 1}, &copy)
               ? copy.ptr
               : NULL;
}

static struct kb_input *add(struct kb_inputs *inputs, enum kb_input_kind kind, const char *name)
{
    struct kb_input *input = kb_arena_alloc(&inputs->arena, sizeof(*input));
    const char *copy = keep(inputs, name);
    if (!input || !copy)
        return NULL;
    *input = (struct kb_input){.kind = kind, .name = kb_slice_of(copy)};
    *inputs->end = input;
    inputs->end = &input->next;
    return input;
}

bool kb_inputs_note(
    struct kb_inputs *inputs, enum kb_input_kind kind, const char *name, struct kb_slice text)
{
    if (find(inputs, kind, name))
        return true;
    struct kb_input *input = add(inputs, kind, name);
    return input && kb_arena_copy(&inputs->arena, text, &input->text);
}

static bool read_env(struct kb_inputs *inputs, struct kb_input *input)
{
    const char *value = getenv(input->name.ptr);
    if (!value)
        return true;
    input->text = kb_slice_of(keep(inputs, value));
    return input->text.ptr != NULL;
}

/* What could not be read is noted as well. */
static bool read_file(struct kb_inputs *inputs, struct kb_input *input)
{
    struct kb_err err;
    if (kb_file_read(&inputs->arena, input->name.ptr, &input->text, &err))
        return true;
    input->problem = keep(inputs, err.text);
    return input->problem != NULL;
}

bool kb_inputs_read(struct kb_inputs *inputs, enum kb_input_kind kind, const char *name,
    struct kb_slice *out, struct kb_err *err)
{
    struct kb_input *input = find(inputs, kind, name);
    if (!input && inputs->sealed)
        return kb_err_config(err,
            "%s was not asked for when the file was loaded; a file has to do the same each time it "
            "is run",
            name);
    if (!input) {
        input = add(inputs, kind, name);
        if (!input || !(kind == KB_INPUT_ENV ? read_env(inputs, input) : read_file(inputs, input)))
            return kb_err_config(err, "%s: no memory", name);
    }
    if (input->problem)
        return kb_err_config(err, "%s", input->problem);
    *out = input->text;
    return true;
}

static bool read_all(int fd, struct kb_buf *buf)
{
    for (;;) {
        char *room = kb_buf_reserve(buf, 4096);
        if (!room) {
            errno = EFBIG;
            return false;
        }
        ssize_t got = read(fd, room, 4096);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        kb_buf_commit(buf, (size_t)got);
    }
}

bool kb_file_read(
    struct kb_arena *arena, const char *path, struct kb_slice *out, struct kb_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return kb_err_config(err, "%s: %s", path, strerror(errno));
    struct kb_buf buf;
    kb_buf_init(&buf, KB_FILE_BYTES_MAX);
    bool ok = read_all(fd, &buf);
    if (!ok)
        kb_err_config(err, "%s: %s", path, strerror(errno));
    close(fd);
    if (ok) {
        kb_buf_byte(&buf, '\0');
        ok = !buf.failed && kb_arena_copy(arena, kb_buf_slice(&buf), out);
        if (ok)
            out->len--;
        else
            kb_err_config(err, "%s: too large", path);
    }
    kb_buf_deinit(&buf);
    return ok;
}
