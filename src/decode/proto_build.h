/* How the readers of .proto texts and of descriptors put a schema together; private to the proto_
 * files. All pieces are the schema's; where there is no room, or a bound is passed, it is
 * KB_ERR_RECORD of class decode, or FATAL for want of memory. */
#ifndef KB_DECODE_PROTO_BUILD_H
#define KB_DECODE_PROTO_BUILD_H

#include "decode/proto.h"

/* Zeroed; NULL = failed. */
void *kb_proto_alloc(struct kb_proto *proto, size_t size, struct kb_err *err);
bool kb_proto_copy(
    struct kb_proto *proto, struct kb_slice text, struct kb_slice *out, struct kb_err *err);
/* scope.name, or the name where there is no scope. */
bool kb_proto_full_name(struct kb_proto *proto, struct kb_slice scope, struct kb_slice name,
    struct kb_slice *out, struct kb_err *err);

bool kb_proto_add_import(struct kb_proto *proto, struct kb_slice name, struct kb_err *err);
/* `parent` NULL = at the top of its file. */
bool kb_proto_add_message(struct kb_proto *proto, struct kb_proto_message *parent,
    struct kb_proto_message *message, struct kb_err *err);
bool kb_proto_add_field(struct kb_proto *proto, struct kb_proto_message *message,
    const struct kb_proto_field *field, struct kb_err *err);
/* The values first, then the enum. */
bool kb_proto_add_value(struct kb_proto *proto, struct kb_proto_enum *enumeration,
    struct kb_slice name, int32_t number, struct kb_err *err);
bool kb_proto_add_enum(
    struct kb_proto *proto, struct kb_proto_enum *enumeration, struct kb_err *err);

/* The two readers behind kb_proto_add. `name` is the schema's own copy. */
bool kb_proto_add_text(
    struct kb_proto *proto, struct kb_slice name, struct kb_slice text, struct kb_err *err);
bool kb_proto_add_descriptor(
    struct kb_proto *proto, struct kb_slice name, struct kb_slice bytes, struct kb_err *err);

#endif
