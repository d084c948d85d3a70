"""What keeps the journal of a job at work: its log lines, its progress for others, its state."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from ..runtime.progress_line import number
from .history import TrainingState
from .resume_state import StateFile

_REPORT_EVERY_SECONDS = 10.0

OnProgress = Callable[[TrainingState, int], None]
"""Takes what a job has so far, and its last step."""


class Journal:
    """Says how a job gets on, shows it to others, and saves it.

    log_line: takes one line at a time. on_progress: is shown the progress at the start, at saves
    and at evaluations. save_every: seconds between two saves of the resume state.
    """

    def __init__(
        self,
        state_file: StateFile,
        *,
        log_line: Callable[[str], None],
        on_progress: OnProgress = lambda state, last_step: None,
        save_every: float,
    ):
        self._file, self._save_every = state_file, save_every
        self.log_line, self.show = log_line, on_progress
        self.begin()

    def restore(self) -> dict[str, Any] | None:
        """What was saved last, as `save` was given it; None where the job begins."""
        saved, line = self._file.load()
        self.log_line(line)
        return saved

    def begin(self) -> None:
        """Training begins now."""
        self._saved = self._reported = time.perf_counter()

    def is_time_to_save(self) -> bool:
        """Whether the last save is longer ago than it should be."""
        return time.perf_counter() - self._saved > self._save_every

    def save(self, state: TrainingState, pairs: list[dict[str, Any]]) -> bool:
        """Writes the resume state; whether it succeeded.

        Losing a save is not losing the run, so a full disk does not end it.
        """
        self._saved = time.perf_counter()
        try:
            self._file.save({"progress": state.to_plain(), "players": pairs})
        except OSError as error:
            self.log_line(f"{self._file.path} is not saved ({error.strerror}): training goes on")
            return False
        return True

    def postpone_save(self) -> None:
        """Counts as a save, in a process that leaves it to another one."""
        self._saved = time.perf_counter()

    def report(
        self, state: TrainingState, last_step: int, metric: str, distances: Sequence[float]
    ) -> None:
        """One line now and then, and at the end. distances: of this evaluation, by `metric`."""
        now = time.perf_counter()
        if now - self._reported <= _REPORT_EVERY_SECONDS and state.running:
            return
        self._reported = now
        shown = " ".join(map(number, distances))
        rate = state.step / max(state.seconds, 1e-9)
        left = (last_step - state.step) / rate if state.running else 0.0
        self.log_line(
            f"step {state.step}/{last_step}  {rate:.1f} steps/s  {metric} {shown}  "
            f"running {len(state.running)}  at most {left / 60:.1f} min left"
        )
