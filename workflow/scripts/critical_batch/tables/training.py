"""Tables that jobs with torch write: training, evaluation, and the probe of gradient noise."""

from .contract import Column, Table

EXPERIMENT = Column("str", "name of the experiment")
OPTIMIZER = Column("str", "name of the optimizer")
BATCH_SIZE = Column("int64", "batch size b of the training", "images")
SEED = Column("int64", "seed of the training")

HISTORY = Table(
    "History of a training",
    "results/runs/{experiment}/{optimizer}/b{batch_size}/seeds_{seeds}/history.csv",
    "one number of one seed at one evaluation",
    {
        "seed": SEED,
        "step": Column("int64", "steps of training so far", "steps"),
        "metric": Column(
            "str",
            "what the number is: a metric (fid, kid), or generator_loss, discriminator_loss, "
            "generator_gradient_norm or discriminator_gradient_norm, which are of the last step",
        ),
        "value": Column("float64", "the distance to the real images, the loss, or the norm"),
        "samples": Column(
            "Int64", "generated images that a distance is of, empty for losses and norms", "images"
        ),
    },
)

EVALUATIONS = Table(
    "Independent evaluations",
    "results/runs/{experiment}/{optimizer}/evaluation.csv",
    "one evaluation of the final generator of one seed",
    {
        "experiment": EXPERIMENT,
        "optimizer": OPTIMIZER,
        "batch_size": BATCH_SIZE,
        "seed": SEED,
        "evaluation_seed": Column("int64", "number of the evaluation: which samples were drawn"),
        "samples": Column("int64", "generated images that the distance is of", "images"),
        "distance": Column(
            "float64", "distance to the real images, by the metric that stops the training"
        ),
    },
    earlier={"fid": "distance"},
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

TABLES = (HISTORY, EVALUATIONS, GRADIENT_NOISE)
