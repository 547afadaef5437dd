"""SIGKILL five times on the way, while a second process joins and leaves: nothing is lost, and what is delivered
twice is at most what was delivered but not yet committed when a process died."""

import workload
from judge import Arrived
from waiting import until

KILLS = 5
PARTITIONS = 8
CONCURRENCY, MAX_RECORDS, REQUESTS_PER_SECOND = 4, 10, 100
# What a settings' reader may expect in flight: the requests themselves, and what their rate lets through in two
# seconds, twenty times the interval of the commits.
IN_FLIGHT = CONCURRENCY * MAX_RECORDS + 2 * REQUESTS_PER_SECOND * MAX_RECORDS


def uncommitted(w):
    """How many of the delivered records a restart will read again."""
    committed = w.kafka.committed(w.group, w.topic, w.partitions)
    return sum(offset >= committed[p] for p, offset in Arrived(w.ably, w.topic).places())


def test_sigkill_loses_nothing_and_repeats_only_what_was_in_flight(real_world, daemons, rng):
    w = real_world(PARTITIONS)
    config = w.config().topic(w.topic, value="json", channel="kill:#{key}")
    config.block(
        "publish",
        concurrency=CONCURRENCY,
        max_records=MAX_RECORDS,
        requests_per_second=REQUESTS_PER_SECOND,
    )
    flow = workload.Flow(w, rng, rate=400)
    victim = daemons.run(config)
    second = None
    allowed = in_flight = 0
    for kill in range(KILLS):
        more = w.ably.unique() + rng.randrange(200, 900)
        until(lambda: w.ably.unique() >= more, 60, lambda: f"{more} before kill {kill}; {victim.tail()}")
        if kill == 1:
            second = daemons.run(config, "second")
            until(lambda: len(w.kafka.members(w.group)) == 2, 60, "a group of two", every=0.5)
        victim.kill()
        left_over, in_flight = in_flight, uncommitted(w)  # a short life may not have come past what was left to it
        print(f"kill {kill}: {in_flight} delivered and not committed, {left_over} at the kill before")
        assert in_flight <= left_over + IN_FLIGHT, f"{in_flight} not committed; a life may add {IN_FLIGHT}"
        allowed += in_flight
        if kill == 3:
            second.stop()
        victim = daemons.run(config, f"after{kill}")

    places = flow.finish()
    w.wait_done(places, victim, 90)
    victim.stop()
    arrived = Arrived(w.ably, w.topic)
    print(f"{len(places)} records, {arrived.repeats()} repeats, {allowed} allowed")
    arrived.check_complete(places)
    arrived.check_order()
    assert arrived.repeats() <= allowed
