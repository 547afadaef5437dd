"""The decoders without a daemon around them: schemas and records in, JSON out (tests/bridge/schema_json.c)."""

import json
import subprocess


def no_repeats(pairs):
    """An object's members; a name that comes twice is a mistake."""
    members = dict(pairs)
    assert len(members) == len(pairs), f"members repeat: {pairs}"
    return members


class Bridge:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        """(True, answer) or (False, why)."""
        line = " ".join(word if isinstance(word, str) else word.hex() or "-" for word in words)
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        state, _, text = self.process.stdout.readline().rstrip("\n").partition(" ")
        assert state in ("ok", "error"), f"the bridge has died: exit {self.process.wait()}"
        return state == "ok", text

    def compile(self, kind, text, **refs):
        for name, ref in refs.items():
            self.ask("ref", name.encode(), ref.encode())
        return self.ask(kind, text.encode())

    def json(self, payload):
        ok, text = self.ask("decode", payload)
        assert ok, f"{text}: {payload.hex()}"
        return json.loads(text, object_pairs_hook=no_repeats)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(10) == 0
