/* See secret_file.h. */
#include "base/secret_file.h"

#include <fcntl.h>
#include <unistd.h>

void kb_secret_file_init(struct kb_secret_file *file, const char *path)
{
    *file = (struct kb_secret_file){.path = path};
    if (path && stat(path, &file->seen) != 0)
        file->seen = (struct stat){.st_size = 0};
}

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

bool kb_secret_file_changed(struct kb_secret_file *file)
{
    struct stat now;
    if (!file->path || stat(file->path, &now) != 0 || same(&now, &file->seen))
        return false;
    file->seen = now;
    return true;
}

bool kb_secret_file_read(const struct kb_secret_file *file, struct kb_buf *out)
{
    /* A pipe in its place must not hold the worker: it can't be read without waiting. */
    int fd = file->path ? open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    ssize_t got = 0;
    kb_buf_reset(out);
    if (fd < 0)
        return false;
    do {
        char *room = kb_buf_reserve(out, 4096);
        got = room ? read(fd, room, 4096) : -1;
        if (got > 0)
            kb_buf_commit(out, (size_t)got);
    } while (got > 0);
    close(fd);
    while (out->len > 0 && (out->ptr[out->len - 1] == '\n' || out->ptr[out->len - 1] == '\r'))
        out->len--;
    return got == 0 && !out->failed && out->len > 0 && !memchr(out->ptr, '\0', out->len);
}
