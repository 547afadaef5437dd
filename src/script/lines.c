/* A set of (file, function, line) in open addressing; see lines.h. lua_state.c notes a line each
 * time it runs, so most calls find what is there already. */
#include "script/lines.h"

#include "base/hash.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 256
#define CAP_MIN 1024

struct entry {
    uint32_t file; /* from 1; 0 = free */
    int32_t function, line;
};

struct kb_lines {
    char *files[FILES_MAX];
    uint32_t n_files, last; /* last: the file of the note before */
    struct entry *entries;
    size_t n, cap; /* cap: a power of two */
};

struct kb_lines *kb_lines_new(void)
{
    struct kb_lines *lines = calloc(1, sizeof(*lines));
    if (!lines)
        return NULL;
    lines->cap = CAP_MIN;
    lines->entries = calloc(lines->cap, sizeof(*lines->entries));
    if (lines->entries)
        return lines;
    kb_lines_free(lines);
    return NULL;
}

void kb_lines_free(struct kb_lines *lines)
{
    if (!lines)
        return;
    for (uint32_t i = 0; i < lines->n_files; i++)
        free(lines->files[i]);
    free(lines->entries);
    free(lines);
}

/* From 1; 0 = it is none of those. */
static uint32_t find_file(const struct kb_lines *lines, const char *path)
{
    if (lines->last > 0 && strcmp(lines->files[lines->last - 1], path) == 0)
        return lines->last;
    for (uint32_t i = 0; i < lines->n_files; i++)
        if (strcmp(lines->files[i], path) == 0)
            return i + 1;
    return 0;
}

static uint32_t add_file(struct kb_lines *lines, const char *path)
{
    char *copy = lines->n_files < FILES_MAX ? strdup(path) : NULL;
    if (!copy)
        return 0;
    lines->files[lines->n_files++] = copy;
    return lines->n_files;
}

/* Where the entry is, or would be. */
static struct entry *place_of(struct entry *entries, size_t cap, struct entry wanted)
{
    uint64_t key = (uint64_t)wanted.file << 48 ^ (uint64_t)(uint32_t)wanted.function << 24 ^
                   (uint64_t)(uint32_t)wanted.line;
    size_t at = (size_t)kb_mix64(key) & (cap - 1);
    while (entries[at].file &&
           (entries[at].file != wanted.file || entries[at].function != wanted.function ||
               entries[at].line != wanted.line))
        at = (at + 1) & (cap - 1);
    return &entries[at];
}

static bool grow(struct kb_lines *lines)
{
    size_t cap = 2 * lines->cap;
    struct entry *entries = calloc(cap, sizeof(*entries));
    if (!entries)
        return false;
    for (size_t i = 0; i < lines->cap; i++)
        if (lines->entries[i].file)
            *place_of(entries, cap, lines->entries[i]) = lines->entries[i];
    free(lines->entries);
    lines->entries = entries;
    lines->cap = cap;
    return true;
}

void kb_lines_note(struct kb_lines *lines, const char *path, int function, int line)
{
    uint32_t file = find_file(lines, path);
    if (!file)
        file = add_file(lines, path);
    if (!file)
        return;
    lines->last = file;
    const struct entry wanted = {file, function, line};
    struct entry *entry = place_of(lines->entries, lines->cap, wanted);
    if (entry->file || (2 * lines->n >= lines->cap && !grow(lines)))
        return;
    *place_of(lines->entries, lines->cap, wanted) = wanted;
    lines->n++;
}

bool kb_lines_has(const struct kb_lines *lines, const char *path, int function, int line)
{
    uint32_t file = find_file(lines, path);
    return file && place_of(lines->entries, lines->cap, (struct entry){file, function, line})->file;
}

bool kb_lines_knows(const struct kb_lines *lines, const char *path)
{
    return find_file(lines, path) != 0;
}
