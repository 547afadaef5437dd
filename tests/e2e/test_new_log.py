"""A topic is deleted and made again while it is read: its offsets begin anew, and its records are no repeats."""

from confluent_kafka import KafkaException

from waiting import throughout, until


def make_again(w):
    """Deletes the topic and makes it again; the broker takes a moment to forget the old one."""
    for done in w.kafka.admin.delete_topics([w.topic]).values():
        done.result(30)

    def made():
        try:
            w.kafka.create(w.topic, w.partitions)
            return True
        except KafkaException:
            return False

    until(made, 30, f"{w.topic} made again")


def numbers(prefix, count):
    return [{"value": f"{prefix}{n}", "partition": 0} for n in range(count)]


def test_a_topic_made_again_is_read_from_its_start(real_world, daemons):
    w = real_world(partitions=1)
    w.kafka.produce(w.topic, numbers("old", 200))
    kably = daemons.run(w.config().topic(w.topic, value="string", channel="made-again"))
    until(lambda: w.ably.unique() >= 200, 60, lambda: kably.tail())
    w.wait_committed_ends()

    make_again(w)
    throughout(kably.running, 1, "kably goes on; the old position is asked for, and refused")
    w.kafka.produce(w.topic, numbers("new", 100))
    until(lambda: w.ably.unique() >= 300, 40, lambda: f"{w.ably.unique()} of 300 arrived; {kably.tail()}")
    kably.wait_log(r"the log was cut back from offset 200 to 0: was the topic deleted and made again")
    w.wait_committed_ends()

    w.kafka.produce(w.topic, numbers("later", 50))
    until(lambda: w.ably.unique() >= 350, 40, lambda: kably.tail())
    kably.stop()
    assert w.kafka.committed(w.group, w.topic, 1) == {0: 150}
    assert kably.log().count("cut back") == 1


def test_what_was_taken_of_the_old_topic_is_still_published(real_world, daemons):
    w = real_world(partitions=1)
    w.ably.faults({"path": "/messages", "status": 503, "code": 50003})
    w.kafka.produce(w.topic, numbers("old", 40))
    kably = daemons.run(w.config().topic(w.topic, value="string", channel="made-again"))
    until(lambda: w.ably.faulted() > 0, 60, lambda: f"a request that failed; {kably.tail()}")
    throughout(lambda: w.ably.unique() == 0, 1, "nothing published; all forty are taken by then")

    make_again(w)
    throughout(kably.running, 1, "kably goes on")
    w.kafka.produce(w.topic, numbers("new", 10))
    kably.wait_log("the log was cut back from offset 40 to 0")
    w.ably.faults()
    until(lambda: w.ably.unique() >= 50, 60, lambda: f"{w.ably.unique()} of 50 arrived; {kably.tail()}")
    w.wait_committed_ends()
    kably.stop()
