/* One Ably message that a record became, before it is encoded. Borrows everything; valid until the
 * next record is routed. Field by field what the README's chapter "Messages" says.
 * Thread: the worker's. */
#ifndef KB_RECORD_MESSAGE_H
#define KB_RECORD_MESSAGE_H

#include "record/record.h"
#include "value/value.h"

/* Where extras have the record's key and headers, if not where the Kafka Connect sink puts them. */
struct kb_extras_layout {
    bool no_key;                /* not in extras.kafka.key */
    struct kb_slice key_header; /* but in extras.headers by this name; ptr NULL = nowhere */
    bool no_headers;
};

struct kb_message {
    struct kb_slice channel;   /* checked against Ably's rules */
    struct kb_slice id;        /* TOPIC/PARTITION/OFFSET/TAG:0 */
    struct kb_slice name;      /* ptr NULL = no name */
    struct kb_slice client_id; /* ptr NULL = none */
    struct kb_value data;
    struct kb_slice encoding; /* override from com.ably.encoding; ptr NULL = by form */
    struct kb_value key;      /* for extras.kafka.key */
    struct kb_slice push;     /* extras.push as JSON text, checked; ptr NULL = none */
    struct kb_slice extras;   /* further members of extras, "ref":{...}, as JSON; ptr NULL = none */
    const struct kb_extras_layout *layout; /* NULL = the usual one */
    struct kb_slice cipher_key; /* base64, secret: encrypt the data; ptr NULL = leave it */
    /* All of the record's; the two com.ably.* are left out of extras. */
    const struct kb_header *headers;
    size_t n_headers;
};

#define KB_HEADER_ENCODING "com.ably.encoding"
#define KB_HEADER_PUSH "com.ably.extras.push"

#endif
