"""Requests to end early, and what a training job makes of them.

SIGTERM comes from Slurm (scancel, a time limit, a node set down), from Snakemake and from `kill`,
SIGUSR1 from Slurm's warning ahead of a time limit (`--signal=USR1@60`), SIGINT from Ctrl-C. Each
ends the program with status 128 + the signal's number, as a shell reports it: not 0, so that
Snakemake and Slurm count the job as failed and `retries` starts it again. This module imports
nothing slow, so that a program can watch for signals before it imports what is.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class Stopped(SystemExit):
    """Ends the program because of a signal; as text the signal's name."""

    def __init__(self, number: int):
        super().__init__(128 + number)
        self._name = signal.Signals(number).name

    def __str__(self) -> str:
        return self._name


class StopRequest:
    """What became of the signals of this process so far.

    Until `defer` a signal raises `Stopped` wherever the program is: there is nothing to save yet.
    From then on it is only remembered, and `check` raises: never in the middle of an update.
    During imports it ends the process on the spot, since torch's own start aborts on exceptions.
    """

    def __init__(self, importing: bool = False) -> None:
        self._received: int | None = None
        self._importing = importing
        self._starting, self._at_once, self._follows = True, True, False

    @classmethod
    def watch(cls, importing: bool = False) -> "StopRequest":
        """Takes over this process's signals, but for those that its parent had it ignore.

        importing: imports follow; the caller says when they are done.
        """
        request = cls(importing)
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, request._receive)
        return request

    def imports_are_done(self) -> None:
        """From now on a signal raises `Stopped`."""
        self._importing = False

    @property
    def status(self) -> int | None:
        """The exit status that a signal asked for; None before any came."""
        return None if self._received is None else 128 + self._received

    def defer(self) -> None:
        """From now on signals wait for `check`; one that nobody checks for is without effect."""
        self._starting = self._at_once = False

    def follow(self) -> None:
        """For a process that ends with another one: its own signals are remembered, no more."""
        self.defer()
        self._follows = True

    def check(self) -> None:
        """Raises Stopped if a signal came; not in a process that follows another."""
        if self._received is not None and not self._follows:
            raise Stopped(self._received)

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside, a signal raises Stopped immediately: for long work that changes nothing."""
        self._at_once = not self._follows
        try:
            self.check()
            yield
        finally:
            self._at_once = False

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received = number
        if self._starting:
            name = signal.Signals(number).name
            print(f"{name}: ended before training began", file=sys.stderr, flush=True)
        if self._importing:
            os._exit(128 + number)
        if self._at_once:
            raise Stopped(number)
