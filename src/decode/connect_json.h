/* Kafka Connect's JsonConverter: {"schema": {...}, "payload": ...}.
 *
 * The payload is shown as the schema says, its fields in the schema's order: numbers with their own
 * digits, Decimal (base64 on the wire), Date, Time and Timestamp as the topic's logical_types have
 * them (by default a JSON number with its scale, and the epoch numbers they are), bytes as base64,
 * a map with keys that are no text as an object all the same, a null or missing field as its
 * default where it has one. What the payload holds beyond the schema is left out, as Connect does.
 * A top-level string is text and top-level bytes are bytes, as the Kafka Connect sink has them; all
 * else is JSON.
 *
 * What is no such envelope (schemas.enable=false), or has null for its schema, passes byte for
 * byte.
 *
 * The schema is read along with the payload, neither is copied: no state, no allocation. The work
 * is bounded by KB_CONNECT_JSON_WORK_MAX bytes looked at. Called by decoder.c alone; parameters as
 * there. Thread: any. */
#ifndef KB_DECODE_CONNECT_JSON_H
#define KB_DECODE_CONNECT_JSON_H

#include "decode/decoding.h"

#define KB_CONNECT_JSON_WORK_MAX (64 << 20)

bool kb_connect_json_decode(struct kb_slice raw, const struct kb_decoding *with,
    struct kb_value *out, struct kb_err *err) KB_MUST_CHECK;

#endif
