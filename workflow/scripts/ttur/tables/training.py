"""Tables that jobs with torch write: training, its scoring, and the probe of gradient noise."""

from .contract import Column, Table

EXPERIMENT = Column("str", "name of the experiment")
OPTIMIZER = Column("str", "name of the optimizer")
BATCH_SIZE = Column("int64", "batch size b of the training", "images")
SEED = Column("int64", "seed of the training")

HISTORY = Table(
    "History of a training",
    "results/runs/{experiment}/{optimizer}/b{batch_size}/seeds_{seeds}/history.csv",
    "one seed at one evaluation",
    {
        "seed": SEED,
        "step": Column("int64", "steps of training so far", "steps"),
        "samples": Column("int64", "images seen in training so far, step times b", "images"),
        "fid": Column("float64", "distance to the real images"),
        "scored": Column("int64", "generated images that the distance is of", "images"),
        "generator_loss": Column("float64", "the generator's loss in the last step"),
        "discriminator_loss": Column("float64", "the discriminator's loss in the last step"),
        "generator_gradient_norm": Column(
            "float64", "norm of the generator's gradient in the last step"
        ),
        "discriminator_gradient_norm": Column(
            "float64", "norm of the discriminator's gradient in the last step"
        ),
    },
)

SCORES = Table(
    "Independent scores",
    "results/runs/{experiment}/{optimizer}/evaluation.csv",
    "one score of the final generator of one seed",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "batch_size": BATCH_SIZE,
        "seed": SEED,
        "evaluation_seed": Column("int64", "number of the score: which samples were drawn"),
        "samples": Column("int64", "generated images that the distance is of", "images"),
        "fid": Column("float64", "distance to the real images"),
    },
)

GRADIENT_NOISE = Table(
    "Gradient noise",
    "results/probes/gradient_noise/{experiment}.csv",
    "one player of one seed, standing still at one step of a short training",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "batch_size": Column("int64", "batch size b of the measurement", "images"),
        "step": Column("int64", "steps of training before the measurement", "steps"),
        "seed": SEED,
        "player": Column("str", "generator or discriminator"),
        "trace": Column(
            "float64", "S, b times the trace of the covariance of a batch's gradient, unbiased"
        ),
        "squared_norm": Column(
            "float64", "|G|^2, that of the mean gradient, unbiased and so perhaps negative"
        ),
        "noise_scale": Column(
            "float64", "S / |G|^2, empty where the squared norm is not positive", "images"
        ),
        "parameters": Column("int64", "parameters of the player, Theta or W"),
        "images": Column("int64", "size of the data set, |S|", "images"),
    },
)

TABLES = (HISTORY, SCORES, GRADIENT_NOISE)
