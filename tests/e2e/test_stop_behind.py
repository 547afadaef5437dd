"""A record behind the one that stops its partition has no outcome: no dead letter of it is left, however often one starts."""


def test_letters_behind_a_stop(real_world, daemons):
    world = real_world(partitions=1)
    letters = world.topic + "-dlq"
    world.kafka.create(letters, 1)
    world.ably.faults(
        {"channel": "c:stop", "status": 401, "code": 40160, "message": "denied", "delay_ms": 300},
        {"channel": "c:large", "status": 413, "code": 40009, "message": "too large", "delay_ms": 900},
    )
    world.kafka.produce(world.topic, [{"value": text} for text in ("one", "stop", "large", "two")])
    config = world.config().topic(
        world.topic,
        value="string",
        channel="c:#{value}",
        on_error={"publish": "stop", "message": "dlq", "default": "stop"},
    )
    config.block("dead_letter", topic=letters).block("publish", max_records=1)
    for start in range(2):
        assert daemons.run(config, f"start-{start}").ended(60) == 1
        world.kafka.wait_committed(world.group, world.topic, {0: 1}, 10)
    assert world.kafka.ends(letters, 1) == {0: 0}
