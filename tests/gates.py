"""Work that waits until a test lets it go on."""

import threading


class Gate:
    """Callable work that holds its thread until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self) -> str:
        self.entered.set()
        assert self.opened.wait(60)
        return "through"
