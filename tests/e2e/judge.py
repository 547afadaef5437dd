"""What must hold of everything that arrived, whatever happened on the way."""

import collections

from local_ably import parse_id


class Arrived:
    """All deliveries of one topic, judged against the places that were produced."""

    def __init__(self, ably, topic):
        self.ids = collections.Counter()
        self.first = []  # (channel, id), in the order in which each id came first
        for channel, text in ably.deliveries():
            found = parse_id(text)
            if found.topic != topic:
                continue
            if not self.ids[found]:
                self.first.append((channel, found))
            self.ids[found] += 1

    def places(self):
        return {(found.partition, found.offset) for found in self.ids}

    def repeats(self):
        """Deliveries beyond the first of each id."""
        return sum(self.ids.values()) - len(self.ids)

    def check_complete(self, places):
        expected, got = set(places), self.places()
        lost, foreign = expected - got, got - expected
        assert not lost, f"{len(lost)} of {len(expected)} records lost: {sorted(lost)[:10]}"
        assert not foreign, f"{len(foreign)} ids that no record has: {sorted(foreign)[:10]}"
        assert len(self.ids) == len(expected), "one record has several ids"

    def inversions(self):
        """Pairs of neighbours on one channel, of one partition, whose first deliveries are out of order."""
        last, bad = {}, []
        for channel, found in self.first:
            lane = (channel, found.partition)
            if found.offset < last.get(lane, -1):
                bad.append((lane, last[lane], found.offset))
            last[lane] = found.offset
        return bad

    def check_order(self):
        bad = self.inversions()
        assert not bad, f"{len(bad)} times out of order, first: {bad[:5]}"


def check_all_arrived(w, kably):
    """All that was produced (w.places) is published and committed, nothing lost, nothing out of order; ends kably."""
    w.wait_done(w.places, kably)
    kably.stop()
    arrived = Arrived(w.behind, w.topic)
    arrived.check_complete(w.places)
    arrived.check_order()
    return arrived
