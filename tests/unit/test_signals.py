"""What becomes of a signal: at the start, in the middle of a step, in an evaluation, at the end."""

import os
import signal
import sys

import pytest
from critical_batch.training.signals import SIGNALS, Stopped, StopRequest


@pytest.fixture
def handlers():
    """This process's own handlers come back after the test."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def stop(handlers):
    return StopRequest.watch()


def come(number=signal.SIGTERM):
    os.kill(os.getpid(), number)


def test_the_signals_are_those_of_slurm_and_of_a_terminal():
    assert SIGNALS == (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    assert (str(Stopped(15)), Stopped(15).code) == ("SIGTERM", 143)


@pytest.mark.parametrize("number", SIGNALS)
def test_before_training_a_signal_ends_the_program_with_a_line(stop, capsys, number):
    assert stop.status is None
    with pytest.raises(Stopped) as stopped:
        come(number)
    assert stopped.value.code == stop.status == 128 + number
    name = signal.Signals(number).name
    assert capsys.readouterr() == ("", f"{name}: ended before training began\n")


def test_while_training_a_signal_waits_for_the_end_of_the_step(stop, capsys):
    stop.defer()
    stop.check()
    come(signal.SIGUSR1)
    assert stop.status == 128 + signal.SIGUSR1
    with pytest.raises(Stopped) as stopped:
        stop.check()
    assert str(stopped.value) == "SIGUSR1"
    assert capsys.readouterr().err == ""


def test_in_an_evaluation_a_signal_ends_it_at_once_and_afterwards_no_longer(stop):
    stop.defer()
    with stop.at_once():
        stop.check()
    come()  # deferred again
    with pytest.raises(Stopped), stop.at_once():
        pytest.fail("a signal that came before lets no evaluation begin")


def test_an_evaluation_is_broken_off_where_it_is(stop):
    stop.defer()
    after = []
    with pytest.raises(Stopped) as stopped, stop.at_once():
        after.append(come())
    assert after == []
    assert stopped.value.code == 128 + signal.SIGTERM
    come()  # the second one waits: the state is being saved


def test_a_process_that_follows_another_only_remembers(stop):
    stop.follow()
    come()
    stop.check()
    with stop.at_once():
        come()
    assert stop.status == 128 + signal.SIGTERM


def test_a_signal_that_the_parent_ignores_stays_ignored(handlers):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    StopRequest.watch()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    come(signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL


def test_during_imports_a_signal_ends_the_process_on_the_spot(handlers, monkeypatch):
    class Left(BaseException):
        pass

    class Errors:
        """A stream that keeps whether what it was told was flushed."""

        text, flushed = "", False

        def write(self, text):
            self.text += text
            self.flushed = False

        def flush(self):
            self.flushed = True

    def leave(status):
        assert errors.flushed
        left.append(status)
        raise Left

    left, errors = [], Errors()
    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setattr(sys, "stderr", errors)
    request = StopRequest.watch(importing=True)
    with pytest.raises(Left):
        come(signal.SIGUSR1)
    assert left == [128 + signal.SIGUSR1]
    assert errors.text == "SIGUSR1: ended before training began\n"
    request.imports_are_done()
    with pytest.raises(Stopped):
        come()
    assert len(left) == 1


def test_without_signals_nothing_ends():
    request = StopRequest()
    request.check()
    with request.at_once():
        pass
    request.defer()
    request.check()
    assert request.status is None
