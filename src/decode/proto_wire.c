/* Tags and values; see proto_wire.h. */
#include "decode/proto_wire.h"

static bool fault(struct kb_wire *out, const char *what)
{
    out->fault = what;
    return false;
}

static bool read_tag(const char **at, const char *end, struct kb_wire *out)
{
    uint64_t tag;
    if (!kb_varint(at, end, &tag))
        return fault(out, "a tag is cut off or too long");
    if (tag > UINT32_MAX || tag < 8)
        return fault(out, "a field number is out of bounds");
    out->number = (uint32_t)(tag >> 3);
    out->type = tag & 7;
    return true;
}

static bool read_fixed(const char **at, const char *end, int size, struct kb_wire *out)
{
    if (end - *at < size)
        return fault(out, "a number is cut off");
    out->bits = kb_wire_little(*at, size);
    *at += size;
    return true;
}

static bool read_bytes(const char **at, const char *end, struct kb_wire *out)
{
    uint64_t len;
    if (!kb_varint(at, end, &len))
        return fault(out, "a length is cut off or too long");
    if (len > (uint64_t)(end - *at))
        return fault(out, "a length goes beyond the end");
    out->bytes = (struct kb_slice){*at, (size_t)len};
    *at += len;
    return true;
}

static bool read_value(const char **at, const char *end, struct kb_wire *out)
{
    switch (out->type) {
    case KB_WIRE_VARINT:
        return kb_varint(at, end, &out->bits) || fault(out, "a varint is cut off or too long");
    case KB_WIRE_64:
        return read_fixed(at, end, 8, out);
    case KB_WIRE_32:
        return read_fixed(at, end, 4, out);
    case KB_WIRE_BYTES:
        return read_bytes(at, end, out);
    default:
        return fault(out, "a wire type is none");
    }
}

/* To behind the end of the group whose beginning was read: each end has its beginning's number. */
static bool skip_group(const char **at, const char *end, struct kb_wire *out)
{
    uint32_t open[KB_WIRE_GROUPS_MAX];
    size_t depth = 0;
    open[depth++] = out->number;
    while (depth > 0) {
        if (*at == end)
            return fault(out, "a group has no end");
        if (!read_tag(at, end, out))
            return false;
        if (out->type == KB_WIRE_GROUP) {
            if (depth == KB_WIRE_GROUPS_MAX)
                return fault(out, "groups are nested too deep");
            open[depth++] = out->number;
        } else if (out->type == KB_WIRE_GROUP_END) {
            if (open[--depth] != out->number)
                return fault(out, "a group ends that did not begin");
        } else if (!read_value(at, end, out)) {
            return false;
        }
    }
    out->type = KB_WIRE_GROUP;
    return true;
}

bool kb_wire_next(const char **at, const char *end, struct kb_wire *out)
{
    if (!read_tag(at, end, out))
        return false;
    if (out->type == KB_WIRE_GROUP)
        return skip_group(at, end, out);
    if (out->type == KB_WIRE_GROUP_END)
        return fault(out, "a group ends that did not begin");
    return read_value(at, end, out);
}
