"""AdaBelief of the package adabelief-pytorch, all tensors of a step at once."""

from math import sqrt

import torch
from adabelief_pytorch import AdaBelief as PackageAdaBelief


class AdaBelief(PackageAdaBelief):
    """The package's rectified update, bit for bit, with one call per operation for all parameters.

    The package loops over parameters in Python, which costs more than the arithmetic where networks
    are small. Built with weight_decay 0, rectify and weight_decouple only; its state is the
    package's. Zhuang et al. 2020, algorithm 2; rectification: Liu et al. 2020, algorithm 2.
    """

    @torch.no_grad()
    def step(self, closure=None):
        """One update of every parameter that has a gradient; `closure` is not called."""
        updates = []
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            states = [self._state_of(p) for p in parameters]
            steps = {state["step"] for state in states}
            if len(steps) > 1:  # some had no gradient before: the package's own loop, of all groups
                return super().step()
            if parameters:
                updates.append((group, parameters, states, steps.pop() + 1))
        for update in updates:
            self._update(*update)
        return None

    def _state_of(self, parameter):
        state = self.state[parameter]
        if not state:
            state["step"] = 0
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_var"] = torch.zeros_like(parameter)
        return state

    def _update(self, group, parameters, states, step) -> None:
        (beta1, beta2), eps = group["betas"], group["eps"]
        gradients = [p.grad for p in parameters]
        means = [state["exp_avg"] for state in states]
        variances = [state["exp_avg_var"] for state in states]
        for state in states:
            state["step"] = step
        torch._foreach_mul_(means, beta1)
        torch._foreach_add_(means, gradients, alpha=1 - beta1)
        surprise = torch._foreach_sub(gradients, means)
        torch._foreach_mul_(variances, beta2)
        torch._foreach_addcmul_(variances, surprise, surprise, value=1 - beta2)
        torch._foreach_add_(variances, eps)
        rectification = _rectification(step, beta2)
        if rectification is None:
            size = 1 / (1 - beta1**step)
            torch._foreach_add_(parameters, means, alpha=-size * group["lr"])
            return
        size = rectification / (1 - beta1**step)
        deviations = torch._foreach_sqrt(variances)
        torch._foreach_add_(deviations, eps)
        torch._foreach_addcdiv_(parameters, means, deviations, value=-size * group["lr"])


def _rectification(step: int, beta2: float) -> float | None:
    """Factor of the adaptive step; None in the first steps, which are plain momentum.

    There the variance has too few degrees of freedom (package's `degenerated_to_sgd`).
    """
    decay = beta2**step
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * step * decay / (1 - decay)
    if length < 5:
        return None
    # The order of the factors is the package's: another one differs in the last bit.
    square = (1 - decay) * (length - 4) / (longest - 4)
    return sqrt(square * (length - 2) / length * longest / (longest - 2))
