/* How many bytes a value of each type has at least: what bounds an array's count by the bytes that
 * are left, and finds the records of which no value ever ends. Called once a schema. */
#include "decode/avro_type.h"

/* None is larger than any; a sum that overflows stays just below. */
static uint64_t plus(uint64_t a, uint64_t b)
{
    if (a == KB_AVRO_LEAST_NONE || b == KB_AVRO_LEAST_NONE)
        return KB_AVRO_LEAST_NONE;
    return a + b < a || a + b == KB_AVRO_LEAST_NONE ? KB_AVRO_LEAST_NONE - 1 : a + b;
}

static uint64_t least_of(const struct kb_avro_type *type)
{
    static const uint64_t primitive[] = {[KB_AVRO_NULL] = 0,
        [KB_AVRO_BOOLEAN] = 1,
        [KB_AVRO_INT] = 1,
        [KB_AVRO_LONG] = 1,
        [KB_AVRO_FLOAT] = 4,
        [KB_AVRO_DOUBLE] = 8,
        [KB_AVRO_BYTES] = 1,
        [KB_AVRO_STRING] = 1};
    return type->kind <= KB_AVRO_STRING ? primitive[type->kind] : type->least;
}

static uint64_t of_record(const struct kb_avro_type *type)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < type->n; i++)
        sum = plus(sum, least_of(type->parts[i].type));
    return sum;
}

static uint64_t of_union(const struct kb_avro_type *type)
{
    uint64_t least = KB_AVRO_LEAST_NONE;
    for (uint32_t i = 0; i < type->n; i++) {
        uint64_t branch = least_of(type->parts[i].type);
        least = branch < least ? branch : least;
    }
    return plus(1, least);
}

static uint64_t measure(const struct kb_avro_type *type)
{
    switch (type->kind) {
    case KB_AVRO_RECORD:
        return of_record(type);
    case KB_AVRO_UNION:
        return of_union(type);
    case KB_AVRO_FIXED:
        return type->size;
    default: /* an enum's index, an array's or map's first count */
        return 1;
    }
}

/* From "none" down, until nothing gets smaller: only what leads to an end at all becomes finite.
 * The parts of a type come before it, so one round settles all but records that lead back into what
 * holds them; as many more rounds as these are nested do. */
bool kb_avro_least(struct kb_avro *avro, struct kb_err *err)
{
    for (struct kb_avro_type *type = avro->all; type; type = type->next)
        type->least = KB_AVRO_LEAST_NONE;
    for (bool changed = true; changed;) {
        changed = false;
        for (struct kb_avro_type *type = avro->all; type; type = type->next) {
            uint64_t least = measure(type);
            changed |= least != type->least;
            type->least = least;
        }
    }
    for (const struct kb_avro_type *type = avro->all; type; type = type->next)
        if (type->least == KB_AVRO_LEAST_NONE && type->kind == KB_AVRO_RECORD)
            return kb_err_record(err, KB_FAILURE_DECODE,
                "record " KB_FMT " holds itself with no union, array or map between: no value of "
                "it ever ends",
                KB_ARG(type->name));
    return true;
}
