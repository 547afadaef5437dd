/* The Avro record of scripts/bench and bench_decode: ten fields, among them a nested record, a
 * union, an array, a map, an enum and a decimal; about 150 bytes, which become about 300 of JSON.
 *
 *     char room[ORDER_AVRO_MAX];
 *     size_t len = order_avro(room, seq);        // what a serializer writes behind the framing */
#ifndef BENCH_ORDER_AVRO_H
#define BENCH_ORDER_AVRO_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ORDER_AVRO_MAX 400

static const char order_avro_schema[] =
    "{\"type\":\"record\",\"name\":\"Order\",\"namespace\":\"shop\",\"fields\":["
    "{\"name\":\"seq\",\"type\":\"long\"},"
    "{\"name\":\"user\",\"type\":\"string\"},"
    "{\"name\":\"status\",\"type\":{\"type\":\"enum\",\"name\":\"Status\",\"symbols\":[\"CREATED\","
    "\"PAID\",\"SHIPPED\"]}},"
    "{\"name\":\"placed\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"
    "{\"name\":\"total\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":12,"
    "\"scale\":2}},"
    "{\"name\":\"address\",\"type\":{\"type\":\"record\",\"name\":\"Address\",\"fields\":[{"
    "\"name\":"
    "\"city\",\"type\":\"string\"},{\"name\":\"street\",\"type\":\"string\"},{\"name\":\"zip\","
    "\"type\":\"int\"}]}},"
    "{\"name\":\"items\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":"
    "\"Item\",\"fields\":[{\"name\":\"sku\",\"type\":\"string\"},{\"name\":\"qty\",\"type\":"
    "\"int\"}"
    "]}}},"
    "{\"name\":\"tags\",\"type\":{\"type\":\"map\",\"values\":\"string\"}},"
    "{\"name\":\"note\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"weight\",\"type\":\"double\"}]}";

static inline char *order_long(char *to, int64_t number)
{
    uint64_t bits = (uint64_t)number << 1 ^ (uint64_t)(number >> 63);
    for (; bits >= 0x80; bits >>= 7)
        *to++ = (char)(bits | 0x80);
    *to++ = (char)bits;
    return to;
}

static inline char *order_text(char *to, const char *text)
{
    size_t len = strlen(text);
    to = order_long(to, (int64_t)len);
    memcpy(to, text, len);
    return to + len;
}

static inline size_t order_avro(char *room, uint64_t seq)
{
    char user[24];
    char *to = order_long(room, (int64_t)seq);
    snprintf(user, sizeof(user), "user-%05u", (unsigned)(seq % 10000));
    to = order_text(to, user);
    to = order_long(to, (int64_t)(seq % 3));
    to = order_long(to, INT64_C(1700000000000) + (int64_t)seq);
    to = order_long(to, 3); /* the decimal's bytes: 1234.56 and more */
    *to++ = 0x01;
    *to++ = (char)(seq >> 8);
    *to++ = (char)seq;
    to = order_text(to, "Lisbon");
    to = order_text(to, "Rua Augusta 12");
    to = order_long(to, 1100048);
    to = order_long(to, 2); /* items */
    to = order_long(order_text(to, "A-1001"), 2);
    to = order_long(order_text(to, "B-22"), 1 + (int64_t)(seq % 7));
    to = order_long(to, 0);
    to = order_long(to, 2); /* tags */
    to = order_text(order_text(to, "channel"), "web");
    to = order_text(order_text(to, "campaign"), "spring");
    to = order_long(to, 0);
    to = order_long(to, 1); /* note: the second branch */
    to = order_text(to, "leave at the door, ring twice");
    double weight = (double)(seq % 1000) / 4;
    memcpy(to, &weight, sizeof(weight)); /* little-endian, like the machines of the benchmark */
    return (size_t)(to + sizeof(weight) - room);
}

#endif
