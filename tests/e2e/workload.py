"""Records for the tests, and a producer that keeps writing while something else happens."""

import json
import threading
import time


def records(count, partitions, rng, channels=50, begin=0):
    """`count` JSON records of about 200 bytes over all partitions; a key always goes to one partition, as with
    Kafka's own partitioner, so the order of a channel is a promise."""
    for n in range(begin, begin + count):
        user = rng.randrange(channels)
        filler = "".join(rng.choices('abcdefghij "\\\n', k=120))
        yield {
            "partition": user % partitions,
            "key": f"user{user}",
            "value": json.dumps({"n": n, "user": user, "text": filler}),
        }


class Flow:
    """Writes `rate` records a second, to the world's topic or another one with as many partitions, in a thread of its
    own until finish(), which gives the places written."""

    def __init__(self, world, rng, rate, channels=50, topic=None):
        self.places = []
        self._topic = topic or world.topic
        self._world, self._rng, self._rate, self._channels = world, rng, rate, channels
        self._end = threading.Event()
        self._problem = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        def delivered(error, message):
            if error:
                self._problem = error
            else:
                self.places.append((message.partition(), message.offset()))

        try:
            producer = self._world.kafka.producer()
            begun, written = time.monotonic(), 0
            while not self._end.is_set():
                due = int((time.monotonic() - begun) * self._rate)
                batch = records(due - written, self._world.partitions, self._rng, self._channels, written)
                for record in batch:
                    producer.produce(self._topic, on_delivery=delivered, **record)
                written = due
                producer.poll(0.02)
            assert producer.flush(60) == 0, "the broker did not take all records"
        except Exception as problem:  # shown by finish(), in the test's own thread
            self._problem = problem

    def finish(self):
        self._end.set()
        self._thread.join(90)
        assert not self._thread.is_alive(), "the producer hangs"
        assert self._problem is None, self._problem
        assert self.places, "the producer wrote nothing"
        return self.places
