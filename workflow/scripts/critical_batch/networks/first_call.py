"""What a module from outside gives when it is first called, told in one line where it is wrong."""

import random
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..data.shape import ImageShape
from ..runtime.errors import UserError

_BEYOND = 1.001
"""The largest value of an image, with some room for rounding in half precision."""


def name_of(thing: object) -> str:
    """A function's, or a module's class, by its dotted name."""
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{named.__module__}.{named.__qualname__}"


class FirstCall:
    """Checks the first call in training and the first in evaluation.

    player: generator or discriminator. shape: of the images.
    """

    def __init__(self, player: str, shape: ImageShape):
        self._player, self._shape = player, shape
        self._checked: set[bool] = set()

    def is_due(self, training: bool) -> bool:
        """Whether no call of this mode has passed yet."""
        return training not in self._checked

    def check(
        self,
        module: nn.Module,
        arguments: Sequence[Tensor],
        call: Callable[..., Tensor],
    ) -> Tensor:
        """What `call` gives for the arguments, which are those of the module.

        Raises UserError where it fails, gives another shape, images that are not in [-1, 1], or
        draws random numbers that a job cannot repeat. Where memory runs out, and on the device
        `meta`, errors pass as they are: the caller has the words for them.
        """
        what, without_data = name_of(module), arguments[0].device.type == "meta"
        before = _other_generators()
        try:
            result = call(*arguments)
        except Exception as error:
            if without_data or isinstance(error, UserError) or _is_memory(error):
                raise
            text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            raise UserError(
                f"{what}, the {self._player}, fails for {_shapes(arguments)}: {text}{_place(error)}"
            ) from error
        self._check_shape(what, arguments, result)
        if not without_data:
            self._check_values(what, result)
            if _other_generators() != before:
                raise UserError(
                    f"{what}, the {self._player}, draws from NumPy's or Python's generator, which "
                    "a resumed job cannot repeat: draw from PyTorch's"
                )
            self._checked.add(module.training)
        return result

    def _check_shape(self, what: str, arguments: Sequence[Tensor], result: Tensor) -> None:
        count, side = len(arguments[0]), self._shape.size
        found = list(result.shape) if isinstance(result, Tensor) else type(result).__name__
        if self._player == "generator":
            wanted = [count, self._shape.channels, side, side]
            fits = found == wanted
        else:
            wanted = [count]
            fits = isinstance(result, Tensor) and result.numel() == count == found[0]
        if not fits:
            raise UserError(
                f"{what}, the {self._player}, gives {found} for {_shapes(arguments)}: "
                f"make it {wanted}{'' if self._player == 'generator' else f' or {[count, 1]}'}"
            )

    def _check_values(self, what: str, result: Tensor) -> None:
        if self._player == "generator" and (largest := result.detach().abs().max()) > _BEYOND:
            raise UserError(
                f"{what}, the generator, gives pixels up to {largest.item():.3g}: keep them in "
                "[-1, 1], for example with tanh"
            )


def _other_generators() -> tuple[object, bytes]:
    """The state of the generators that nothing here seeds."""
    _, keys, *rest = np.random.get_state()
    return random.getstate(), (keys.tobytes(), *rest)


def _shapes(arguments: Sequence[Tensor]) -> str:
    names = ("inputs", "labels")
    return " and ".join(
        f"{name} {list(each.shape)}" for name, each in zip(names, arguments, strict=False)
    )


def _is_memory(error: Exception) -> bool:
    words = ("out of memory", "can't allocate memory", "bad_alloc")
    return isinstance(error, MemoryError) or any(each in str(error) for each in words)


def _place(error: Exception) -> str:
    """Where in the module's own code it was raised, in brackets; empty where it was not there."""
    others = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]))
    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if not each.filename.startswith(others)]
    return f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
