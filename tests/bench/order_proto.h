/* The order of order_avro.h as Protobuf: the same ten fields, with a oneof for the union and a
 * message for the decimal.
 *
 *     char room[ORDER_PROTO_MAX];
 *     size_t len = order_proto(room, seq);       // what a serializer writes behind the schema's id
 */
#ifndef BENCH_ORDER_PROTO_H
#define BENCH_ORDER_PROTO_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ORDER_PROTO_MAX 400

static const char order_proto_schema[] =
    "syntax = \"proto3\"; package shop; import \"google/protobuf/timestamp.proto\";\n"
    "enum Status { CREATED = 0; PAID = 1; SHIPPED = 2; }\n"
    "message Money { int64 units = 1; int32 cents = 2; }\n"
    "message Address { string city = 1; string street = 2; int32 zip = 3; }\n"
    "message Item { string sku = 1; int32 qty = 2; }\n"
    "message Order {\n"
    "  int64 seq = 1; string user = 2; Status status = 3; google.protobuf.Timestamp placed = 4;\n"
    "  Money total = 5; Address address = 6; repeated Item items = 7;\n"
    "  map<string, string> tags = 8; oneof remark { string note = 9; int32 code = 10; }\n"
    "  double weight = 11;\n"
    "}\n";

static inline char *proto_varint(char *to, uint64_t bits)
{
    for (; bits >= 0x80; bits >>= 7)
        *to++ = (char)(bits | 0x80);
    *to++ = (char)bits;
    return to;
}

static inline char *proto_number(char *to, unsigned field, uint64_t bits)
{
    return proto_varint(proto_varint(to, field << 3), bits);
}

static inline char *proto_bytes(char *to, unsigned field, const char *bytes, size_t len)
{
    to = proto_varint(proto_varint(to, field << 3 | 2), len);
    memcpy(to, bytes, len);
    return to + len;
}

static inline char *proto_text(char *to, unsigned field, const char *text)
{
    return proto_bytes(to, field, text, strlen(text));
}

static inline char *proto_pair(
    char *to, unsigned field, const char *text, const char *value, uint64_t number)
{
    char room[64], *end = proto_text(room, 1, text);
    end = value ? proto_text(end, 2, value) : proto_number(end, 2, number);
    return proto_bytes(to, field, room, (size_t)(end - room));
}

static inline size_t order_proto(char *room, uint64_t seq)
{
    char user[24], inner[64], *end, *to = room;
    *to++ = 2; /* one message index, the 3 of Order, both zig-zag */
    *to++ = 6;
    snprintf(user, sizeof(user), "user-%05u", (unsigned)(seq % 10000));
    to = proto_text(proto_number(to, 1, seq), 2, user);
    to = proto_number(to, 3, seq % 3);
    end = proto_number(inner, 1, UINT64_C(1700000000) + seq / 1000);
    end = proto_number(end, 2, seq % 1000 * 1000000);
    to = proto_bytes(to, 4, inner, (size_t)(end - inner));
    end = proto_number(proto_number(inner, 1, 655 + (seq & 0xff)), 2, seq % 100);
    to = proto_bytes(to, 5, inner, (size_t)(end - inner));
    end = proto_text(proto_text(inner, 1, "Lisbon"), 2, "Rua Augusta 12");
    end = proto_number(end, 3, 1100048);
    to = proto_bytes(to, 6, inner, (size_t)(end - inner));
    to = proto_pair(to, 7, "A-1001", NULL, 2);
    to = proto_pair(to, 7, "B-22", NULL, 1 + seq % 7);
    to = proto_pair(to, 8, "channel", "web", 0);
    to = proto_pair(to, 8, "campaign", "spring", 0);
    to = proto_text(to, 9, "leave at the door, ring twice");
    double weight = (double)(seq % 1000) / 4;
    *to++ = 11 << 3 | 1;
    memcpy(to, &weight, sizeof(weight)); /* little-endian, like the machines of the benchmark */
    return (size_t)(to + sizeof(weight) - room);
}

#endif
