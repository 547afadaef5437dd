"""Waiting in tests: always for a condition, always with a deadline, never for a guessed time."""

import time


def until(condition, seconds, what, every=0.05):
    """Calls `condition` until it gives something true, and gives that. Fails, saying what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() >= deadline:
            shown = what() if callable(what) else what
            raise AssertionError(f"after {seconds} s still not: {shown}")
        time.sleep(every)


def throughout(condition, seconds, what, every=0.1):
    """Fails as soon as `condition` is not true within the next `seconds`: for what must *not* happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        shown = what() if callable(what) else what
        assert condition(), f"no longer: {shown}"
        time.sleep(every)


def pass_time(seconds):
    """Time that belongs to a test's story, a rate or how long a fault lasts: nothing is waited for."""
    time.sleep(seconds)
