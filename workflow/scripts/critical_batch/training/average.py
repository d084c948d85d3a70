"""Exponential moving average of a generator (BigGAN evaluates this instead of the generator)."""

import copy

from torch import nn


class MovingAverage:
    """Average of a network's parameters and buffers; a copy of it before `start_step`."""

    def __init__(self, network: nn.Module, decay: float, start_step: int):
        self.network = copy.deepcopy(network).requires_grad_(False)
        self._decay, self._start_step = decay, start_step

    def update(self, network: nn.Module, step: int) -> None:
        """average <- decay * average + (1 - decay) * network, after step number `step`."""
        weight = 1.0 if step < self._start_step else 1.0 - self._decay
        new = network.state_dict()
        for name, old in self.network.state_dict().items():
            if old.is_floating_point():
                old.lerp_(new[name], weight)
            else:  # a count, of which there is no average
                old.copy_(new[name])
