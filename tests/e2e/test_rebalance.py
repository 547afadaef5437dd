"""Members come and go under load, eager and cooperative: nothing lost, order kept, commits never go back."""

import threading

import pytest

import workload
from judge import Arrived
from waiting import until


class CommitWatch:
    """Reads the group's committed offsets all the while; they must never decrease."""

    def __init__(self, w):
        self.w, self.highest, self.back = w, {}, []
        self.reads = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._end.wait(0.3):
            for partition, offset in self.w.kafka.committed(
                self.w.group, self.w.topic, self.w.partitions
            ).items():
                if offset < self.highest.get(partition, offset):
                    self.back.append((partition, self.highest[partition], offset))
                self.highest[partition] = max(offset, self.highest.get(partition, offset))
            self.reads += 1

    def check(self):
        self._end.set()
        self._thread.join(30)
        assert self.reads > 3, "the watch saw nothing"
        assert not self.back, f"committed offsets went back: {self.back}"


@pytest.mark.parametrize("turns", [2, pytest.param(10, marks=pytest.mark.long)])
@pytest.mark.parametrize("strategy", ["range,roundrobin", "cooperative-sticky"])
def test_members_come_and_go(real_world, daemons, rng, strategy, turns):
    w = real_world(partitions=8)
    config = w.config(partition_assignment_strategy=strategy)
    config.topic(w.topic, value="json", channel="group:#{key}").block("limits", workers=2)

    def start(name):
        """librdkafka 2.0.2 may not leave a cooperative group in the middle of a rebalance, which `kably check` warns of:
        kably then ends without it, in time."""
        kably = daemons.run(config, name)
        kably.may_hang = strategy == "cooperative-sticky"
        return kably

    first = start("first")
    flow = workload.Flow(w, rng, rate=400)
    watch = CommitWatch(w)

    def arrives(more, *running):
        goal = w.ably.unique() + more
        until(
            lambda: w.ably.unique() >= goal,
            90,
            lambda: f"{goal} arrived; " + "\n".join(one.tail() for one in running),
        )

    arrives(300, first)
    for turn in range(turns):
        second = start(f"second{turn}")
        until(lambda: len(w.kafka.members(w.group)) == 4, 60, f"two processes of two; {second.tail()}", every=0.3)
        arrives(300, first, second)
        leaves, first = (first, second) if rng.random() < 0.5 else (second, first)
        leaves.stop()
        arrives(300, first)

    places = flow.finish()
    w.wait_done(places, first, 90)
    watch.check()
    first.stop()
    arrived = Arrived(w.ably, w.topic)
    print(f"{len(places)} records, {arrived.repeats()} repeats")
    arrived.check_complete(places)
    arrived.check_order()
    assert w.kafka.committed(w.group, w.topic, 8) == w.ends()
