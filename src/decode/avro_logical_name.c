/* `logicalType` of a schema -> what is shown; see avro_type.h. One table. A logical type on a type
 * it is not for, or with a precision or scale that can't be, is passed over, as the specification
 * has it. */
#include "decode/avro_type.h"
#include "value/json_tree.h"

#define ON(kind) (1u << KB_AVRO_##kind)

static const struct {
    const char *name;
    enum kb_logical_type logical;
    uint32_t per_second, on, fixed_size;
} logical_types[] = {
    {"date", KB_LOGICAL_DATE, 0, ON(INT), 0},
    {"time-millis", KB_LOGICAL_TIME, 1000, ON(INT), 0},
    {"time-micros", KB_LOGICAL_TIME, 1000000, ON(LONG), 0},
    {"timestamp-millis", KB_LOGICAL_TIMESTAMP, 1000, ON(LONG), 0},
    {"timestamp-micros", KB_LOGICAL_TIMESTAMP, 1000000, ON(LONG), 0},
    {"timestamp-nanos", KB_LOGICAL_TIMESTAMP, 1000000000, ON(LONG), 0},
    {"local-timestamp-millis", KB_LOGICAL_LOCAL_TIMESTAMP, 1000, ON(LONG), 0},
    {"local-timestamp-micros", KB_LOGICAL_LOCAL_TIMESTAMP, 1000000, ON(LONG), 0},
    {"local-timestamp-nanos", KB_LOGICAL_LOCAL_TIMESTAMP, 1000000000, ON(LONG), 0},
    {"decimal", KB_LOGICAL_DECIMAL, 0, ON(BYTES) | ON(FIXED), 0},
    {"uuid", KB_LOGICAL_UUID, 0, ON(STRING) | ON(FIXED), 16},
    {"duration", KB_LOGICAL_DURATION, 0, ON(FIXED), 12},
};

static bool decimal_fits(struct kb_avro_type *type, const struct kb_json_node *attributes)
{
    int64_t precision = kb_json_count(attributes, "precision");
    int64_t scale = kb_json_member(attributes, "scale") ? kb_json_count(attributes, "scale") : 0;
    if (precision < 1 || scale < 0 || scale > precision)
        return false;
    type->scale = (uint32_t)scale;
    return true;
}

void kb_avro_set_logical(struct kb_avro_type *type, const struct kb_json_node *attributes)
{
    struct kb_slice name = kb_json_text(attributes, "logicalType");
    for (size_t i = 0; name.ptr && i < KB_COUNT(logical_types); i++) {
        bool fits = kb_slice_is(name, logical_types[i].name) &&
                    (logical_types[i].on & (1u << type->kind)) &&
                    (type->kind != KB_AVRO_FIXED || !logical_types[i].fixed_size ||
                        type->size == logical_types[i].fixed_size);
        if (!fits)
            continue;
        type->is_logical =
            logical_types[i].logical != KB_LOGICAL_DECIMAL || decimal_fits(type, attributes);
        type->logical = logical_types[i].logical;
        type->per_second = logical_types[i].per_second;
    }
}
