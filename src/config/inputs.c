/* The notes of what a file read; see inputs.h. Called by helpers.c inside protected calls, so it
 * holds nothing across a call that could raise. */
#include "config/inputs.h"

#include "base/buf.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_MAX (64u << 20)
#define PIPE_MS 2000

struct kb_input {
    struct kb_input *next;
    enum kb_input_kind kind;
    struct kb_slice name, text;
    const char *problem; /* NULL = it could be read */
};

/* ---- a file's text ---- */

/* Reads to the end of it, as long as that takes no more than PIPE_MS of waiting: a pipe whose other
 * side says nothing must not hold a reload for ever. */
static bool read_all(int fd, struct kb_buf *buf)
{
    int64_t until = kb_system_now_ms() + PIPE_MS;
    for (;;) {
        char *room = kb_buf_reserve(buf, 4096);
        if (!room) {
            errno = EFBIG;
            return false;
        }
        ssize_t got = read(fd, room, 4096);
        if (got == 0)
            return true;
        if (got > 0) {
            kb_buf_commit(buf, (size_t)got);
            continue;
        }
        if (errno != EINTR && errno != EAGAIN)
            return false;
        int64_t left = until - kb_system_now_ms();
        struct pollfd one = {.fd = fd, .events = POLLIN};
        if (left <= 0 || poll(&one, 1, (int)left) == 0) {
            errno = ETIMEDOUT;
            return false;
        }
    }
}

/* A pipe that nobody writes to is at its end at once; a file that is there and empty is none. */
static bool is_silent_pipe(int fd, const struct kb_buf *buf)
{
    struct stat st;
    return buf->len == 0 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

static bool fail_large(const char *path, struct kb_err *err)
{
    return kb_err_config(err, "%s: larger than %d MiB, which is the most that is read of a file",
        path, KB_FILE_BYTES_MAX >> 20);
}

static bool read_whole(const char *path, int fd, struct kb_buf *buf, struct kb_err *err)
{
    bool ok = read_all(fd, buf);
    if (!ok && errno == ETIMEDOUT)
        return kb_err_config(err, "%s: gave no end within %d ms; expected a file", path, PIPE_MS);
    if (!ok && errno == EFBIG)
        return fail_large(path, err);
    if (!ok)
        return kb_err_config(err, "%s: %s", path, strerror(errno));
    if (is_silent_pipe(fd, buf))
        return kb_err_config(err, "%s: a pipe that nobody writes to; expected a file", path);
    return true;
}

/* The whole of it, NUL-terminated. KB_ERR_CONFIG. */
static bool read_at(
    struct kb_arena *arena, const char *path, struct kb_slice *out, struct kb_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return kb_err_config(err, "%s: %s", path, strerror(errno));
    struct kb_buf buf;
    kb_buf_init(&buf, KB_FILE_BYTES_MAX);
    bool ok = read_whole(path, fd, &buf, err);
    close(fd);
    if (ok) {
        kb_buf_byte(&buf, '\0');
        ok = !buf.failed && kb_arena_copy(arena, kb_buf_slice(&buf), out);
        if (ok)
            out->len--;
        else
            fail_large(path, err);
    }
    kb_buf_deinit(&buf);
    return ok;
}

/* ---- the notes ---- */

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
    if (read_at(&inputs->arena, input->name.ptr, &input->text, &err))
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
