/* The dead-letter producer's own struct, shared by dead_letters.c (letters, the client, the door)
 * and dead_letters_topic.c (the topic is created). Nobody else includes this. Thread: the worker's;
 * librdkafka's callbacks run on it too, out of rd_kafka_poll. */
#ifndef KB_KAFKA_DEAD_LETTERS_INSIDE_H
#define KB_KAFKA_DEAD_LETTERS_INSIDE_H

#include "kafka/client_log.h"
#include "kafka/dead_letters.h"

#include <sys/queue.h>

struct kb_letter {
    TAILQ_ENTRY(kb_letter) link;
    const struct kb_original *original;
    rd_kafka_headers_t *headers; /* ours until librdkafka takes them */
    struct kb_dead_letter_ack ack;
};
TAILQ_HEAD(kb_letters, kb_letter);

enum kb_letter_topic { KB_LETTER_TOPIC_UNKNOWN, KB_LETTER_TOPIC_CREATING, KB_LETTER_TOPIC_READY };

struct kb_letter_producer {
    struct kb_client_log log; /* first: librdkafka's opaque points here */
    struct kb_dead_letters dl;
    rd_kafka_conf_t *conf; /* for the next client as well */
    rd_kafka_t *rk;
    rd_kafka_queue_t *main_queue, *admin_queue;
    bool broken; /* a final error: a new client is due */
    enum kb_letter_topic topic_state;
    bool default_replication; /* ask for the broker's own factor; 1 where it has none to give */
    struct kb_letters waiting, out, done;
    size_t n_waiting;
    char *topic, *group_id;
    char *next_topic;  /* prepared, NULL = none */
    uintptr_t changes; /* of the topic; an answer to an older one's creation counts for nothing */
    int worker;
};

/* dead_letters.c */
/* Those that wait for the topic are sent, or answered with that error. */
void kb_letters_produce_waiting(struct kb_letter_producer *p);
void kb_letters_refuse_waiting(struct kb_letter_producer *p, rd_kafka_resp_err_t code);

/* dead_letters_topic.c */
/* Asks for it; letters wait from here on until kb_letters_topic_answers has met the answer. */
void kb_letters_create_topic(struct kb_letter_producer *p);
void kb_letters_topic_answers(struct kb_letter_producer *p);

#endif
