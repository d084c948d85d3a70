"""The settings of a small DCGAN training job, as a rule would pass them."""

SETTINGS = {
    "experiment": "benchmark",
    "networks": {
        "kind": "dcgan",
        "latent": 8,
        "generator_width": 4,
        "discriminator_width": 4,
        "generator_bn_momentum": 0.1,
        "discriminator_norm": "batch",
    },
    "objective": {"kind": "bce"},
    "discriminator_steps": 1,
    "latent_reuse": True,
    "micro_batches": 1,
    "processes": 1,
    "ema": None,
    "compute": {
        "precision": "fp32",
        "channels_last": False,
        "compile": False,
        "batch_norm_over": "device",
    },
    "limits": {"steps": 1, "samples": None},
    "fid": {
        "features": "classifier",
        "samples": 80,
        "threshold": 0.0,
        "pixel_map": "fixed",
        "grid": {"kind": "linear", "every": 1},
    },
    "batch_size": 4,
    "seeds": [0, 1, 2],
    "optimizer": "Adam",
    "generator_rate": 0.002,
    "discriminator_rate": 0.002,
    "hyper": {"beta1": 0.5, "beta2": 0.999, "eps": 1e-8},
}
