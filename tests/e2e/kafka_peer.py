"""Kafka as the tests see it, the real broker and the mock cluster alike: topics, records, committed offsets."""

import collections

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from waiting import until

Record = collections.namedtuple("Record", "partition offset key value headers timestamp")


class Kafka:
    def __init__(self, bootstrap, real):
        self.bootstrap = bootstrap
        self.real = real
        self.common = {
            "bootstrap.servers": bootstrap,
            "reconnect.backoff.max.ms": 500,
            "log_level": 2,  # a broker that goes away is what many tests are about
        }
        self.admin = AdminClient(self.common)
        self.reader = Consumer(
            {**self.common, "group.id": "kably-test-reader", "enable.auto.commit": False}
        )

    def close(self):
        self.reader.close()

    def create(self, topic, partitions, **settings):
        """On the real broker; the mock's topics are named when the sandbox starts."""
        settings = {name.replace("_", "."): str(value) for name, value in settings.items()}
        new = NewTopic(topic, partitions, 1, config=settings)
        for done in self.admin.create_topics([new]).values():
            done.result(30)

    def set(self, topic, **settings):
        """Changes settings of a topic."""
        resource = ConfigResource(ResourceType.TOPIC, topic)
        for name, value in settings.items():
            resource.add_incremental_config(
                ConfigEntry(
                    name.replace("_", "."), str(value), incremental_operation=AlterConfigOpType.SET
                )
            )
        for done in self.admin.incremental_alter_configs([resource]).values():
            done.result(30)

    def exists(self, topic):
        found = self.reader.list_topics(topic, timeout=10).topics[topic]
        return found.error is None and bool(found.partitions)

    def producer(self):
        return Producer({**self.common, "linger.ms": 5, "acks": "all", "enable.idempotence": self.real})

    def produce(self, topic, records):
        """Writes dicts with partition, key, value, headers, timestamp (all but one may lack) and gives the
        places, (partition, offset), in the order of `records`."""
        records = list(records)
        places = [None] * len(records)

        def delivered(index):
            def note(error, message):
                if error:
                    raise KafkaException(error)
                places[index] = (message.partition(), message.offset())

            return note

        producer = self.producer()
        for index, record in enumerate(records):
            while True:
                try:
                    producer.produce(topic, on_delivery=delivered(index), **record)
                    break
                except BufferError:
                    producer.poll(0.05)
            producer.poll(0)
        assert producer.flush(60) == 0, f"{topic}: the broker did not take all records"
        return places

    def empty(self, topic):
        """No record was ever written to it, or it does not even exist."""
        return not self.exists(topic) or not any(self.ends(topic, self.partitions(topic)).values())

    def partitions(self, topic):
        return len(self.reader.list_topics(topic, timeout=10).topics[topic].partitions)

    def ends(self, topic, partitions):
        """{partition: log end}"""
        return {
            p: self.reader.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1]
            for p in range(partitions)
        }

    def committed(self, group, topic, partitions):
        """{partition: committed offset}, -1001 where there is none."""
        asked = [TopicPartition(topic, p) for p in range(partitions)]
        client = Consumer({**self.common, "group.id": group, "enable.auto.commit": False})
        try:
            return {answer.partition: answer.offset for answer in client.committed(asked, timeout=10)}
        finally:
            client.close()

    def wait_committed(self, group, topic, expected, seconds=30):
        """Until the committed offsets are exactly `expected`, {partition: offset}."""
        seen = {}

        def reached():
            seen.update(self.committed(group, topic, len(expected)))
            return all(max(seen[p], 0) == offset for p, offset in expected.items())

        until(reached, seconds, lambda: f"committed {expected}; it is {seen}", every=0.2)

    def members(self, group):
        """The ids of the group's members (the real broker only)."""
        description = self.admin.describe_consumer_groups([group])[group].result(10)
        return sorted(member.member_id for member in description.members)

    def read(self, topic, count, partitions=1, seconds=30):
        """The first `count` records of a topic, all partitions, in no order between them."""
        client = Consumer(
            {**self.common, "group.id": "kably-test-reader", "enable.auto.commit": False}
        )
        records = []
        try:
            client.assign([TopicPartition(topic, p, 0) for p in range(partitions)])

            def enough():
                message = client.poll(0.1)
                if message is not None and message.error() is None:
                    records.append(
                        Record(
                            message.partition(),
                            message.offset(),
                            message.key(),
                            message.value(),
                            message.headers() or [],
                            message.timestamp(),
                        )
                    )
                return len(records) >= count

            until(enough, seconds, lambda: f"{count} records of {topic}; there are {len(records)}", every=0)
        finally:
            client.close()
        return records
