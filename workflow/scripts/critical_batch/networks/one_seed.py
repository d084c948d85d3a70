"""An ordinary PyTorch module as a network of one replica.

Its parameters and buffers get a leading axis of 1, as training asks of every network. When it is
called, the module gets views of them without that axis, so that what it changes in place, such as
the statistics of BatchNorm, reaches what is stored.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parameter import is_lazy

from ..data.shape import ImageShape
from ..runtime.errors import UserError
from .drawing import drawn_from, seed_of
from .first_call import FirstCall, name_of
from .replicated import CountedNetwork

PLAYERS = ("generator", "discriminator")
_SEEDS = 2**62


def pair_of(
    build: Callable[[Any, ImageShape], tuple[nn.Module, nn.Module]],
    settings: Any,
    shape: ImageShape,
    *,
    labels: bool,
    joint_batch: bool,
) -> tuple["OneSeed", "OneSeed"]:
    """The generator and the discriminator that `build` makes, each in a network of one replica.

    build, labels, joint_batch: as of `plain`. Raises UserError where `build` gives anything else
    than two modules that can be held so.
    """

    def modules() -> tuple[nn.Module, nn.Module]:
        pair = build(settings, shape)
        if not (
            isinstance(pair, tuple)
            and len(pair) == 2
            and all(isinstance(each, nn.Module) for each in pair)
        ):
            raise UserError(
                f"{name_of(build)} gives {type(pair).__name__}: return (generator, discriminator), "
                "two torch.nn.Modules"
            )
        return pair

    with drawn_from(0):  # weights come with `initialise`; nothing else may notice these draws
        fresh = modules()
    tensors = [{*each.parameters(), *each.buffers()} for each in fresh]
    if not tensors[0].isdisjoint(tensors[1]):
        raise UserError(
            f"{name_of(build)} gives two players that share weights: build each its own"
        )
    first = [FirstCall(player, shape) for player in PLAYERS]
    generator = Generator(fresh[0], lambda: modules()[0], first[0], labels)
    discriminator = Discriminator(fresh[1], lambda: modules()[1], first[1], labels)
    discriminator.joint_batch = joint_batch
    return generator, discriminator


class OneSeed(CountedNetwork):
    """A module in a network of one replica.

    again: builds the module anew, with weights drawn from PyTorch's global generator. first: checks
    what the module gives. labels: whether it takes labels as second argument.

    What the module draws when it is called follows from the seed and from how often it was called
    in training, which is part of the state; in evaluation it follows from the inputs.
    """

    def __init__(
        self, module: nn.Module, again: Callable[[], nn.Module], first: FirstCall, labels: bool
    ):
        super().__init__()
        self.module = _stacked(module)
        self._again, self._first, self._labels = again, first, labels
        self._seed = 0

    def initialise(self, replica: int, random: torch.Generator) -> None:
        """Builds the module anew, with what it draws coming from `random` alone."""
        weights, self._seed = torch.randint(_SEEDS, (2,), generator=random).tolist()
        with torch.enable_grad(), drawn_from(weights):
            self.module = _stacked(self._again())

    def compile(self, *arguments: Any, **options: Any) -> None:
        """Compiles the module; what is around it looks at generators of random numbers."""
        self.module.compile(*arguments, **options)

    def _call(self, inputs: Tensor, labels: Tensor | None) -> Tensor:
        """What the module gives for inputs [b, ...] and labels [b, 1]."""
        arguments = (inputs, labels.squeeze(1)) if self._labels else (inputs,)
        if inputs.device.type == "meta":
            return self._first.check(self.module, arguments, self._views_called)
        if self.training:
            self.calls += 1
            seed = seed_of(self._seed, self.calls)
        else:
            seed = seed_of(self._seed, *inputs.flatten()[:4].tolist())
        with drawn_from(seed, inputs.device):
            if self._first.is_due(self.training):
                return self._first.check(self.module, arguments, self._views_called)
            return self._views_called(*arguments)

    def _views_called(self, *arguments: Tensor) -> Tensor:
        parameters = {name: each.squeeze(0) for name, each in self.module.named_parameters()}
        if self.channels_last:
            parameters = {name: _channels_last(each) for name, each in parameters.items()}
        buffers = {name: each.squeeze(0) for name, each in self.module.named_buffers()}
        views = parameters | buffers
        result = functional_call(self.module, views, arguments)
        for name, given in buffers.items():
            if views[name] is not given:  # the module has put another tensor in its place
                given.copy_(views[name].detach())
        return result


class Generator(OneSeed):
    """Latents [b, latent], labels [b, 1] -> images [b, channels, size, size] in [-1, 1]."""

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return self._call(latents, labels)


class Discriminator(OneSeed):
    """Images [b, channels, size, size], labels [b, 1] -> logits [b, 1]."""

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self._call(self.stored(images), labels).reshape(len(images), 1)


def _channels_last(values: Tensor) -> Tensor:
    return values.contiguous(memory_format=torch.channels_last) if values.dim() == 4 else values


def _stacked(module: nn.Module) -> nn.Module:
    """The module, its parameters and buffers with a leading axis of 1, in place.

    Tied tensors stay tied. A frozen parameter becomes a buffer, since training moves all
    parameters. A buffer that the module would not store is stored like the others.
    """
    made: dict[Tensor, Tensor] = {}
    for each in module.modules():
        if type(each).get_extra_state is not nn.Module.get_extra_state:
            raise UserError(
                f"{name_of(each)} has extra state, which a job cannot keep: make it a buffer"
            )
        each._non_persistent_buffers_set.clear()
        for name, values in [*each._parameters.items(), *each._buffers.items()]:
            if values is None:
                continue
            if is_lazy(values):
                raise UserError(
                    f"{name_of(each)} is not built before it is called: use a layer with its "
                    "sizes in the place of a lazy one"
                )
            trained = isinstance(values, nn.Parameter) and values.requires_grad
            if values not in made:
                stacked = values.detach()[None]
                made[values] = nn.Parameter(stacked) if trained else stacked
            if trained:
                setattr(each, name, made[values])
            else:
                each._parameters.pop(name, None)
                each._buffers[name] = made[values]
    return module
