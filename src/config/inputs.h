/* What a kably file took from the world around it: variables, files, further texts, by name.
 *
 *     struct kb_slice text;
 *     if (!kb_inputs_read(&inputs, KB_INPUT_FILE, "/run/secrets/ably", &text, &err)) ...
 *
 * The first time something is asked for it is read, and noted; every later time, and in every
 * worker that runs the same file for its functions, the answer is the one that was noted. So all
 * workers see one file, whatever happens to the disk meanwhile. Once sealed, what was never asked
 * for is an error.
 *
 * Thread: its owner's until it is sealed, then immutable and shared. */
#ifndef KB_CONFIG_INPUTS_H
#define KB_CONFIG_INPUTS_H

#include "base/arena.h"
#include "base/err.h"

enum kb_input_kind { KB_INPUT_ENV, KB_INPUT_FILE };

struct kb_inputs {
    struct kb_arena arena;
    struct kb_input *first, **end;
    bool sealed;
    const char *stand_in; /* of a variable that is not set and has no default; NULL = an error */
};

void kb_inputs_init(struct kb_inputs *inputs);
void kb_inputs_deinit(struct kb_inputs *inputs);
void kb_inputs_seal(struct kb_inputs *inputs);
/* Takes all that `from` holds; `to` is not initialised. */
void kb_inputs_move(struct kb_inputs *to, struct kb_inputs *from);

#define KB_FILE_BYTES_MAX (1 << 20)

/* A variable's value, or a file's text (at most KB_FILE_BYTES_MAX), NUL-terminated; lives as long
 * as the inputs. A variable that is not set has ptr NULL. A pipe serves as a file, if it comes to
 * its end within two seconds. False: KB_ERR_CONFIG. */
bool kb_inputs_read(struct kb_inputs *inputs, enum kb_input_kind kind, const char *name,
    struct kb_slice *out, struct kb_err *err) KB_MUST_CHECK;
/* Notes a text that was not read here: the file itself, where it came from memory. False: no
 * memory. */
bool kb_inputs_note(struct kb_inputs *inputs, enum kb_input_kind kind, const char *name,
    struct kb_slice text) KB_MUST_CHECK;

#endif
