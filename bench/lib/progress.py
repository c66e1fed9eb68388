"""A progress bar for people; nothing at all when the output is no terminal."""

import sys
import time


class Progress:
    def __init__(self, steps: int):
        self.steps, self.done = steps, 0
        self.start = time.monotonic()
        self.live = sys.stderr.isatty()

    def step(self, text: str) -> None:
        """Says what begins now."""
        if self.live:
            width = 24
            filled = width * self.done // max(self.steps, 1)
            bar = "#" * filled + "." * (width - filled)
            sys.stderr.write(f"\r\033[K[{bar}] {self.done}/{self.steps} {self._left()}  {text}")
            sys.stderr.flush()
        self.done += 1

    def clear(self) -> None:
        if self.live:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()

    def _left(self) -> str:
        if self.done < 3:
            return ""
        spent = time.monotonic() - self.start
        left = int(spent / self.done * (self.steps - self.done))
        return f"{left // 60}:{left % 60:02d} left"
