/* Unions with the branch named, as Avro's own JSON and Kafka Connect have it; see avro_run.h. */
#include "decode/avro_run.h"

/* {"branch": value} */
static bool read_wrapped(struct kb_run *run, const struct kb_avro_part *branch)
{
    struct kb_out *out = &run->out;
    if (!kb_run_enter(run) || !kb_out_room(out, branch->json.len + 1))
        return false;
    *out->at++ = '{';
    kb_out_put(out, branch->json);
    kb_emit_begin_object(out->sink);
    kb_emit_key(out->sink, branch->name);
    if (!kb_run_value(run, branch->type))
        return kb_run_failed_in(run, branch->name);
    run->depth--;
    kb_emit_end_object(out->sink);
    return kb_out_word(out, KB_S("}"));
}

/* Branches that the value is not of, as null. */
static bool put_other_branches(struct kb_out *out, const struct kb_avro_part *from,
    const struct kb_avro_part *end, bool *first)
{
    for (const struct kb_avro_part *other = from; other < end; other++) {
        if (other->type->kind == KB_AVRO_NULL)
            continue;
        if (!kb_out_room(out, other->json.len + 5))
            return false;
        if (!*first)
            *out->at++ = ',';
        *first = false;
        kb_out_put(out, other->json);
        kb_emit_key(out->sink, other->name);
        if (out->sink && kb_emit_wanted(out->sink))
            kb_emit_null(out->sink);
        kb_out_put(out, KB_S("null"));
    }
    return true;
}

/* {"int": null, "branch": value, "string": null}: Connect's one-of. */
static bool read_one_of(struct kb_run *run, const struct kb_avro_type *type, uint32_t index)
{
    struct kb_out *out = &run->out;
    const struct kb_avro_part *branch = &type->short_parts[index];
    bool first = true;
    if (!kb_run_enter(run) || !kb_out_word(out, KB_S("{")))
        return false;
    kb_emit_begin_object(out->sink);
    if (!put_other_branches(out, type->short_parts, branch, &first) ||
        !kb_out_room(out, branch->json.len + 1))
        return false;
    if (!first)
        *out->at++ = ',';
    first = false;
    kb_out_put(out, branch->json);
    kb_emit_key(out->sink, branch->name);
    if (!kb_run_value(run, branch->type))
        return kb_run_failed_in(run, branch->name);
    if (!put_other_branches(out, branch + 1, type->short_parts + type->n, &first))
        return false;
    run->depth--;
    kb_emit_end_object(out->sink);
    return kb_out_word(out, KB_S("}"));
}

static bool has_choice(const struct kb_avro_type *type)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < type->n; i++)
        n += type->parts[i].type->kind != KB_AVRO_NULL;
    return n > 1;
}

bool kb_run_branch(
    struct kb_run *run, const struct kb_avro_type *type, const struct kb_avro_part *branch)
{
    if (branch->type->kind == KB_AVRO_NULL)
        return kb_run_value_here(run, branch->type);
    if (run->options->unions == KB_UNION_AVRO)
        return read_wrapped(run, branch);
    return has_choice(type) ? read_one_of(run, type, (uint32_t)(branch - type->parts))
                            : kb_run_value_here(run, branch->type);
}
