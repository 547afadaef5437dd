"""tests/docker/fresh ends with a failure as soon as one of its commands fails, and does not run the next."""

import importlib.machinery
import importlib.util
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def load_fresh():
    loader = importlib.machinery.SourceFileLoader("fresh", os.path.join(ROOT, "tests", "docker", "fresh"))
    loader.set_data = lambda *rest, **more: None  # no compiled file beside the script
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("fresh", loader))
    loader.exec_module(module)
    return module


def test_the_first_failure_ends_it(monkeypatch):
    fresh, ran = load_fresh(), []

    class Done:
        returncode, stderr = 0, ""

    class Container:
        def exec(self, *command):
            return Done

        def remove(self):
            ran.append("removed")

    class Engine:
        def base(self, suite):
            return suite

        def start(self, image, *command, options):
            assert image == "bookworm" and any(option.endswith(":/repository:ro") for option in options)
            return Container()

    monkeypatch.setattr(fresh, "Engine", Engine)
    monkeypatch.setattr(fresh, "run", lambda engine, container, command: ran.append(command) or "build" not in command)
    monkeypatch.setattr(fresh.sys, "argv", ["fresh"])
    assert fresh.main() == 1
    assert ran == ["scripts/setup", "scripts/build", "removed"]
    monkeypatch.setattr(fresh.sys, "argv", ["fresh", "demo"])
    assert fresh.main() == 0
