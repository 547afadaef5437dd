"""Writes configuration files: Python values as Lua text, and the blocks every test needs."""

import json


class Raw(str):
    """Lua text that stands as it is: env "X", a function."""


def value(given):
    """A Python value as a Lua expression."""
    if isinstance(given, Raw):
        return str(given)
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, (int, float)):
        return repr(given)
    if isinstance(given, str):
        return json.dumps(given, ensure_ascii=False)
    if isinstance(given, dict):
        return "{ " + ", ".join(f"[{value(k)}] = {value(v)}" for k, v in given.items()) + " }"
    if isinstance(given, list):
        return "{ " + ", ".join(map(value, given)) + " }"
    raise TypeError(f"no Lua for {given!r}")


class Config:
    """A kably file under construction:

    config = Config(bootstrap, group, ably).topic("orders", channel="user:#{key}").block("publish", linger_ms=5)
    """

    def __init__(self, bootstrap, group, ably, **kafka):
        properties = {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 500,
            "reconnect.backoff.max.ms": 500,
            "topic.metadata.refresh.interval.ms": 2000,
        }
        properties.update({name.replace("_", "."): setting for name, setting in kafka.items()})
        self.group = group
        self.env = {"ABLY_API_KEY": ably.key}
        self.secrets = {ably.key, ably.key.split(":", 1)[1]}
        self.blocks = []
        self.block("kafka", **properties)
        self.block("ably", key=Raw('env "ABLY_API_KEY"'), endpoint=ably.host, port=ably.port, **ably.settings)

    def block(self, keyword, *names, **options):
        head = keyword
        if len(names) == 1:
            head += f" {value(names[0])}"
        elif names:
            head += f" {value(list(names))}"
        rows = "".join(f"  [{value(k)}] = {value(v)},\n" for k, v in options.items())
        self.blocks.append(f"{head} {{\n{rows}}}\n")
        return self

    def topic(self, *names, **options):
        return self.block("topic", *names, **options)

    def text(self):
        return "\n".join(self.blocks)
