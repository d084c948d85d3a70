"""Layers that hold R independent copies of themselves.

Every parameter and buffer has a leading axis R. Activations [b, R * C, H, W] hold the channels of
replica 0, then of replica 1, and so on. A convolution with R groups is then R convolutions, and
BatchNorm over R * C channels is R BatchNorms, exactly. With R = 1 a layer is the plain one.
R is always read off the weights, so `keep_replicas` can cut replicas out of a network in use.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from .convolution import conv2d, conv_transpose2d


class Network(nn.Module):
    """Base of the players.

    channels_last: whether feature maps are stored with channels innermost. Convolutions keep the
    storage order of what they are given, so it is set where maps begin.
    joint_batch: of a discriminator, whether real and generated images go through in one forward
    pass. BatchNorm forbids it, as each kind of images is normalised by its own statistics.
    """

    channels_last = False
    joint_batch = False

    def stored(self, maps: Tensor) -> Tensor:
        """Feature maps [b, C, H, W] in the network's storage order."""
        order = torch.channels_last if self.channels_last else torch.contiguous_format
        return maps.contiguous(memory_format=order)


class CountedNetwork(Network):
    """A network that counts its calls in training, since what it draws follows from that."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def get_extra_state(self) -> Tensor:
        """The calls in training, [1]."""
        return torch.tensor([self.calls])

    def set_extra_state(self, state: Tensor) -> None:
        """Takes up the calls in training."""
        self.calls = int(state)


class Conv2d(nn.Module):
    """R two-dimensional convolutions; weight [R, out, in, k, k], bias [R, out] or None."""

    def __init__(self, replicas, inputs, outputs, kernel, *, stride=1, padding=0, bias=False):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(replicas, outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(replicas, outputs)) if bias else None
        self.stride, self.padding = stride, padding

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.weight, self.bias, self.stride, self.padding)

    def initialise(self, replica: int, random: torch.Generator) -> None:
        """DCGAN's rule: N(0, 0.02^2) (Radford et al. 2016, section 3)."""
        self.weight.data[replica].normal_(0.0, 0.02, generator=random)


class ConvTranspose2d(nn.Module):
    """R two-dimensional transposed convolutions without bias; weight [R, in, out, k, k]."""

    def __init__(self, replicas, inputs, outputs, kernel, *, stride=1, padding=0):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(replicas, inputs, outputs, kernel, kernel))
        self.stride, self.padding = stride, padding

    def forward(self, x: Tensor) -> Tensor:
        return conv_transpose2d(x, self.weight, self.stride, self.padding)

    def initialise(self, replica: int, random: torch.Generator) -> None:
        """DCGAN's rule: N(0, 0.02^2)."""
        self.weight.data[replica].normal_(0.0, 0.02, generator=random)


class RunningNorm(nn.Module):
    """Normalisation by the batch in training, by running statistics [R, C] in evaluation.

    momentum: weight of a new batch in the running statistics, in (0, 1].
    synchronised: whether the batch is that of all processes of the job, not of this one alone.
    """

    synchronised = False

    def __init__(self, replicas, channels, momentum=0.1, eps=1e-5):
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(replicas, channels))
        self.register_buffer("running_var", torch.ones(replicas, channels))
        self.momentum, self.eps = momentum, eps

    def normalise(
        self, x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Normalised maps [b, R * C, H, W], scaled by weight and bias [R * C] where given."""
        mean, variance = self.running_mean.view(-1), self.running_var.view(-1)
        training = self.training
        if training and self.synchronised:
            # With the statistics of all processes in hand the rest is as in evaluation.
            mean, variance = self._statistics_of_all(x)
            x = (x - mean[:, None, None]) * (variance[:, None, None] + self.eps).rsqrt()
            return (
                x
                if weight is None
                else torch.addcmul(bias[:, None, None], x, weight[:, None, None])
            )
        return F.batch_norm(x, mean, variance, weight, bias, training, self.momentum, self.eps)

    def _statistics_of_all(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and biased variance [R * C] over all processes, with gradients across them."""
        size = dist.get_world_size()
        mean = _Sum.apply(x.mean((0, 2, 3))) / size
        variance = _Sum.apply((x - mean[:, None, None]).square().mean((0, 2, 3))) / size
        count = size * x.numel() // x.shape[1]
        unbiased = variance.detach() * (count / max(count - 1, 1))
        self.running_mean.view(-1).lerp_(mean.detach(), self.momentum)
        self.running_var.view(-1).lerp_(unbiased, self.momentum)
        return mean, variance


class _Sum(torch.autograd.Function):
    """Sum of a tensor over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(context, values: Tensor) -> Tensor:
        values = values.clone()
        dist.all_reduce(values)
        return values

    @staticmethod
    def backward(context, gradient: Tensor) -> Tensor:
        gradient = gradient.clone()
        dist.all_reduce(gradient)
        return gradient


class BatchNorm2d(RunningNorm):
    """R batch normalisations; weight and bias [R, C].

    deviation: of the initial weights around 1, 0.02 in DCGAN (the bias starts at 0).
    """

    def __init__(self, replicas, channels, momentum=0.1, deviation=0.02):
        super().__init__(replicas, channels, momentum)
        self.weight = nn.Parameter(torch.ones(replicas, channels))
        self.bias = nn.Parameter(torch.zeros(replicas, channels))
        self._deviation = deviation

    def forward(self, x: Tensor) -> Tensor:
        return self.normalise(x, self.weight.view(-1), self.bias.view(-1))

    def initialise(self, replica: int, random: torch.Generator) -> None:
        """Weight N(1, deviation^2)."""
        if self._deviation:
            self.weight.data[replica].normal_(1.0, self._deviation, generator=random)


def initialise(network: nn.Module, generators: Sequence[torch.Generator]) -> None:
    """Draws the initial weights of replica r from generators[r], layer after layer.

    A layer that has an `initialise` draws those of the layers inside it, too.
    """
    with torch.no_grad():
        for replica, random in enumerate(generators):
            for layer in _initialised(network):
                layer.initialise(replica, random)


def _initialised(module: nn.Module) -> Iterator[nn.Module]:
    """The outermost layers with an `initialise`, in their order."""
    if hasattr(module, "initialise"):
        yield module
    else:
        for child in module.children():
            yield from _initialised(child)


def keep_replicas(
    network: nn.Module, optimizers: Iterable[torch.optim.Optimizer], keep: Sequence[int]
) -> None:
    """Cuts all replicas but `keep` out of a network and out of its optimizers' state, in place."""
    for parameter in network.parameters():
        shape = parameter.shape
        for optimizer in optimizers:
            state = optimizer.state.get(parameter, {})
            for name, value in state.items():
                if torch.is_tensor(value) and value.shape == shape:
                    state[name] = value[keep].clone()
        parameter.data = parameter.data[keep].clone()
        parameter.grad = None
    for module in network.modules():
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer[keep].clone())


class Apart(nn.Module):
    """Networks of one replica each, which count as the replicas of one network.

    For generators that are only sampled: see `one_replica` and `load_replica`.
    """

    def __init__(self, networks: Iterable[nn.Module]):
        super().__init__()
        self.networks = nn.ModuleList(networks)


def _holder(network: nn.Module, replica: int) -> tuple[nn.Module, int]:
    """The network that holds a replica, and its place in there."""
    return (network.networks[replica], 0) if isinstance(network, Apart) else (network, replica)


class _Uncompiled(nn.Module):
    """A network without what `compile` has put around it."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.network.forward(*inputs)


def one_replica(network: nn.Module, replica: int) -> Callable[..., Tensor]:
    """One replica as a plain network (R = 1), which shares its weights and has no gradient.

    With many samples R plain networks are faster than one of R replicas (docs/performance.md).
    """
    network, replica = _holder(network, replica)
    wrapped = _Uncompiled(network)
    tensors = chain(wrapped.named_parameters(), wrapped.named_buffers())
    own = {name: tensor.detach()[replica : replica + 1] for name, tensor in tensors}
    return lambda *inputs: functional_call(wrapped, own, inputs)


def replica_state(network: nn.Module, replica: int) -> dict[str, Tensor]:
    """Copies of one replica's parameters and buffers by name, without the leading axis."""
    return {name: value[replica].clone() for name, value in network.state_dict().items()}


def load_replica(network: nn.Module, replica: int, state: dict[str, Tensor]) -> None:
    """Writes what `replica_state` gave into a replica; names and shapes must fit (KeyError)."""
    network, replica = _holder(network, replica)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            value[replica].copy_(state[name])
