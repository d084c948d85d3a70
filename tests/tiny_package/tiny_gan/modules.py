"""Two networks and an optimizer as any PyTorch program has them."""

import torch
from torch import nn


class Generator(nn.Module):
    """Latents [b, latent] -> images [b, *image] in [-1, 1]."""

    def __init__(self, latent, width, image):
        super().__init__()
        pixels = image[0] * image[1] * image[2]
        self.layers = nn.Sequential(
            nn.Linear(latent, width),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Linear(width, pixels),
            nn.Tanh(),
            nn.Unflatten(1, image),
        )

    def forward(self, latents):
        return self.layers(latents)


class Discriminator(nn.Module):
    """Images [b, *image] -> logits [b, 1]."""

    def __init__(self, width, image):
        super().__init__()
        pixels = image[0] * image[1] * image[2]
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(pixels, width),
            nn.LeakyReLU(0.2),
            nn.Dropout(0.2),
            nn.Linear(width, 1),
        )

    def forward(self, images):
        return self.layers(images)


class SignSGD(torch.optim.Optimizer):
    """Steps of equal size along the sign of a decaying mean of gradients."""

    def __init__(self, parameters, rate, beta):
        super().__init__(parameters, {"lr": rate, "beta": beta})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["mean"] = torch.zeros_like(parameter)
                state["mean"].lerp_(parameter.grad, 1 - group["beta"])
                parameter.sub_(state["mean"].sign(), alpha=group["lr"])
