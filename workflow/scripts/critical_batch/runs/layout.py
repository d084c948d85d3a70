"""Where the files of training runs are: the only module that knows the shape of their paths.

All paths start at the working directory. Constants in braces are patterns, whose wildcards are
those of the rules: experiment, optimizer, batch_size and seeds.
"""

import re
from dataclasses import dataclass
from pathlib import Path, PurePath

from ..runtime.errors import UserError

_IN_OPTIMIZER = "b{batch_size}/seeds_{seeds}"
_RUN = f"{{experiment}}/{{optimizer}}/{_IN_OPTIMIZER}"
_JOB = "{experiment}.{optimizer}.b{batch_size}.seeds_{seeds}"

RUN_DIR = f"results/runs/{_RUN}"
"""The folder of a run's outputs."""

STATE_DIR = f"results/state/{_RUN}"
"""What a run needs while it trains; not its outputs, which are deleted before a job runs again."""

TRAINING_LOG = f"results/logs/train_gan/{_JOB}.log"
TRAINING_BENCHMARK = f"results/benchmarks/train_gan/{_JOB}.jsonl"

EVALUATION = "results/runs/{experiment}/{optimizer}/evaluation.csv"
"""The independent evaluations of all runs of an optimizer."""

THROUGHPUT = "results/probes/{experiment}/{optimizer}/b{batch_size}.json"
"""The measured speed of a batch size."""

_NAME, _SEED = "[^/]+", r"(?:0|[1-9]\d*)"
_FILE_OF_RUN = re.compile(
    "(?:.*/)?"
    + _RUN.format(
        experiment=f"(?P<experiment>{_NAME})",
        optimizer=f"(?P<optimizer>{_NAME})",
        batch_size=r"(?P<batch_size>[1-9]\d*)",
        seeds=f"(?P<seeds>{_SEED}(?:-{_SEED})*)",
    )
    + f"/{_NAME}"
)


@dataclass(frozen=True)
class Run:
    """One training job: the seeds of one group train together."""

    experiment: str
    optimizer: str
    batch_size: int
    seeds: tuple[int, ...]

    @classmethod
    def of(cls, path: str | PurePath) -> "Run":
        """The run whose output or state the file `path` is, wherever its results are.

        Raises UserError for a path that does not end like `RUN_DIR` and a file.
        """
        match = _FILE_OF_RUN.fullmatch(PurePath(path).as_posix())
        if match is None:
            raise UserError(f"{path} is no file of a training run: they are {_RUN}/FILE")
        seeds = tuple(map(int, match["seeds"].split("-")))
        return cls(match["experiment"], match["optimizer"], int(match["batch_size"]), seeds)

    @property
    def seed_key(self) -> str:
        """The seeds joined by hyphens, such as `0-1-2`."""
        return "-".join(map(str, self.seeds))

    def path(self, name: str) -> str:
        """The path of this job's output `name`."""
        return f"{self._filled(RUN_DIR)}/{name}"

    @property
    def folder_name(self) -> str:
        """The name of its folder among those of its batch size."""
        return PurePath(self._filled(RUN_DIR)).name

    @property
    def state_file(self) -> str:
        """Its resume state."""
        return f"{self._filled(STATE_DIR)}/state.pt"

    @property
    def progress_file(self) -> str:
        """How far it is; only while it trains."""
        return f"{self._filled(STATE_DIR)}/progress.json"

    @property
    def log_file(self) -> str:
        return self._filled(TRAINING_LOG)

    @property
    def benchmark_file(self) -> str:
        """Time and memory that it took, as Snakemake measured them."""
        return self._filled(TRAINING_BENCHMARK)

    @property
    def evaluation_file(self) -> str:
        """The evaluations of all runs of its optimizer, this one's among them."""
        return self._filled(EVALUATION)

    @property
    def throughput_file(self) -> str:
        """The measured speed of its batch size; there only where it was probed."""
        return self._filled(THROUGHPUT)

    def _filled(self, pattern: str) -> str:
        return pattern.format(
            experiment=self.experiment,
            optimizer=self.optimizer,
            batch_size=self.batch_size,
            seeds=self.seed_key,
        )


def evaluation_of(path: Path) -> Path:
    """The evaluations of all runs of an optimizer, from the path of a file of one of these runs.

    Raises UserError where that is no file of a run.
    """
    path = path.absolute()
    Run.of(path)
    return path.parents[2] / PurePath(EVALUATION).name


def run_folder(optimizer_folder: Path, batch_size: int, seed_key: str) -> Path:
    """The folder of a run below that of its optimizer."""
    return optimizer_folder / _IN_OPTIMIZER.format(batch_size=batch_size, seeds=seed_key)


def throughput_files(folder: Path) -> list[Path]:
    """All records of measured speed below the folder of probes, sorted."""
    return sorted(folder.glob("*/*/b*.json"))
