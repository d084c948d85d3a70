"""A small DCGAN training job."""

from critical_batch.training.grid import Limits, LinearGrid
from critical_batch.training.job import Fid, Stop, TrainingJob

JOB = TrainingJob(
    experiment="benchmark",
    networks={
        "kind": "dcgan",
        "latent": 8,
        "generator_width": 4,
        "discriminator_width": 4,
        "generator_bn_momentum": 0.1,
        "discriminator_norm": "batch",
    },
    objective={"kind": "bce"},
    optimizer="Adam",
    generator_rate=0.002,
    discriminator_rate=0.002,
    hyper={"beta1": 0.5, "beta2": 0.999, "eps": 1e-8},
    batch_size=4,
    seeds=(0, 1, 2),
    limits=Limits(steps=1),
    fid=Fid(
        features="classifier",
        samples=80,
        pixel_map="fixed",
        grid=LinearGrid(every=1),
    ),
    stop=Stop("fid", at_most=0.0),
)
