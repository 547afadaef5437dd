"""A daemon whose file is edited while it runs, and the ways in which a file can be wrong."""

import json
import re
import socket

from admin import Admin


class Running:
    """A daemon under load whose file can be edited. `edit` makes another beginning of it."""

    def __init__(self, world, daemons, edit=lambda text: text, **limits):
        self.world = world
        self.daemons = daemons
        self.config = world.config().block("admin", listen="127.0.0.1:0")
        if limits:
            self.config.block("limits", **limits)
        self.text = self.config.text()
        self.config.topic(world.topic, channel="one:#{key}")
        self.text = edit(self.text)
        self.config.blocks = [edit(block) for block in self.config.blocks]
        self.kably = daemons.run(self.config, name="kably")
        self.path = f"{daemons.folder}/kably.lua"
        self.admin = Admin(self.kably)

    def write(self, rest):
        """The blocks of the beginning, and behind them `rest`."""
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(self.text + "\n" + rest)

    def topic(self, channel, more=""):
        self.write(f'topic "{self.world.topic}" {{ channel = "{channel}:#{{key}}" }}\n{more}')

    def reload(self):
        """POST /reload: (status, answer)."""
        status, _, body = self.admin.ask("/reload", method="POST", seconds=120)
        return status, json.loads(body)

    def metric(self, name):
        return self.admin.total(f"kably_config_{name}")


def channels(ably):
    return {channel.split(":")[0] for channel, _ in ably.deliveries()}


# What can be wrong behind the blocks of the beginning: the text, and what is said of it.
BROKEN = {
    "syntax": ('topic "x" { channel = ', r"kably\.lua:\d+: unexpected symbol near"),
    "unknown-key": ('topic "x" { chanel = "c" }', r'kably\.lua:\d+: topic "x": chanel: unknown key; did you mean'),
    "template": ('topic "x" { channel = "a#{value.b" }', r'kably\.lua:\d+: topic "x": channel: '),
    "endless-loop": ("while true do end", r"kably\.lua:\d+: still running after \d+ ms"),
    "error-at-load": ("local x = nil; x.y = 1", r"kably\.lua:\d+: .*attempt to index"),
    "absent-variable": ('log { level = env "NO_SUCH_VARIABLE" }', r"kably\.lua:\d+: env: .*NO_SUCH_VARIABLE"),
    "absent-include": ('include "nowhere.lua"', r"kably\.lua:\d+: include: .*nowhere\.lua"),
    "no-topic": ("", "no topic block"),
    "memory": (
        'local t = {}; for i = 1, 1e9 do t[i] = ("x"):rep(1e6) .. i end',
        r"kably\.lua(:\d+)?: (.*memory|still running)",
    ),
    "failing-test": (
        'reload { run_tests = true }\ntest "t" { given = { topic = "TOPIC", value = 1 }, expect = "drop" }',
        r'kably\.lua:\d+: t$',
    ),
    "no-tests": ("reload { run_tests = true }", "asks for its tests .* and has none"),
}


def closed_port():
    """A port of this machine that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def elsewhere(text):
    """An Ably that nobody can find."""
    text = text.replace('["endpoint"] = "127.0.0.1"', '["endpoint"] = "ably.invalid"')
    return text.replace('["tls"] = false', '["tls"] = true')


# Who can't be reached: how the beginning is edited, and what is said of it.
UNREACHABLE = {
    "wrong-key": (lambda text: text.replace('env "ABLY_API_KEY"', '"app.other:wrong"'), "ably .*HTTP 401"),
    "no-such-host": (elsewhere, "ably .*ably.invalid"),
    "closed-port": (lambda text: re.sub(r'(\["port"\]) = \d+', rf"\1 = {closed_port()}", text), "ably .*127.0.0.1"),
    "proxy": (lambda text: text.replace("ably {", f'ably {{ proxy = "http://127.0.0.1:{closed_port()}",'), "ably "),
    "kafka": (
        lambda text: re.sub(r'(servers"\]) = "[^"]*"', rf'\1 = "127.0.0.1:{closed_port()}"', text),
        "kafka ",
    ),
    "registry": (lambda text: text + f'registry {{ url = "http://127.0.0.1:{closed_port()}" }}', "registry "),
    "registries": (
        lambda text: text + 'registry { url = { "http://127.0.0.1:1", "http://127.0.0.1:2" } }',
        "registry ",
    ),
}
