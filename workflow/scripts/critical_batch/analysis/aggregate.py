"""N(b), SFO and the critical batch size from run records, as pure functions on DataFrames.

A seed ends `reached`, `step-limit` or `diverged`; only `reached` has a number of steps. The
others keep their row with an empty number and are counted in every summary. Where a seed reached
the threshold at its first evaluation, its number of steps is only an upper bound.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..runtime.errors import UserError
from ..tables.aggregate import CRITICAL, EVALUATION, NETWORKS, SPEED, STEPS

STATUSES = ("reached", "step-limit", "diverged")


def _name(run: Mapping[str, Any]) -> str:
    """How messages call a run."""
    experiment, optimizer, batch_size = (
        run.get(key, "?") for key in ("experiment", "optimizer", "batch_size")
    )
    return f"run {experiment}/{optimizer}/b{batch_size}"


def _field(record: Mapping[str, Any], key: str, run: Mapping[str, Any]) -> Any:
    if key not in record:
        raise UserError(f"{_name(run)}: run.json lacks {key!r}: delete it and run again")
    return record[key]


def _threshold(run: Mapping[str, Any]) -> float:
    return _field(run, "stop", run)["at_most"]


def steps_table(runs: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The columns `STEPS`, one row per seed of every run.json, sorted by the first four columns.

    sfo = steps x batch_size, in images. bracket_low is the last evaluated step that missed the
    threshold, 0 where there was none. Raises UserError for an unknown status, for steps that
    contradict the status, and for a seed that occurs twice.
    """
    rows = []
    for run in runs:
        experiment, optimizer, batch_size, results = (
            _field(run, key, run) for key in ("experiment", "optimizer", "batch_size", "results")
        )
        for result in results:
            seed, status, steps, last_miss = (
                _field(result, key, run) for key in ("seed", "status", "steps", "last_miss")
            )
            if status not in STATUSES or (status == "reached") != (steps is not None):
                raise UserError(
                    f"{_name(run)}: seed {seed} has status {status!r} and steps {steps}: "
                    "delete its run.json and run again"
                )
            sfo = None if steps is None else steps * batch_size
            rows.append(
                (experiment, optimizer, batch_size, seed, steps, last_miss or 0, sfo, status)
            )
    table = STEPS.frame(rows)
    keys = list(STEPS.columns)[:4]
    twice = table[table.duplicated(keys)]
    if len(twice):
        experiment, optimizer, batch_size, seed = twice.iloc[0][keys]
        raise UserError(
            f"run {experiment}/{optimizer}/b{batch_size}: seed {seed} occurs twice: "
            "aggregate one run.json per seed"
        )
    return table.sort_values(keys, ignore_index=True)


def networks_table(runs: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The columns `NETWORKS`, one row per experiment; UserError where its runs contradict."""
    rows: dict[str, tuple] = {}
    for run in runs:
        experiment = _field(run, "experiment", run)
        row = (
            experiment,
            _field(run, "generator_parameters", run),
            _field(run, "discriminator_parameters", run),
            _field(_field(run, "dataset", run), "images", run),
            _field(run, "metric", run),
            _threshold(run),
        )
        first = rows.setdefault(experiment, row)
        for column, mine, other in zip(NETWORKS.columns, row, first, strict=True):
            if mine != other:
                raise UserError(
                    f"{_name(run)}: {column} is {mine}, other runs of {experiment} have {other}: "
                    "run the older ones again"
                )
    return NETWORKS.frame(sorted(rows.values()))


def speed_table(runs: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """How fast training was: the columns `SPEED`, one row per experiment, optimizer, batch size.

    seeds: of all its jobs. seconds: of training, all its jobs together, evaluations included.
    seed_steps_per_second: steps of one seed in one second, summed over the seeds that train
    together, so N(b) divided by it is the time of one seed in such a group; the median over groups
    of seeds. device: cpu or the GPU's name; several joined by commas. Sorted by its keys.
    """
    keys = list(SPEED.columns)[:3]
    columns = [*keys, "seeds", "seconds", "seed_steps_per_second", "device"]
    records = pd.DataFrame([[_field(r, key, r) for key in columns] for r in runs], columns=columns)
    speed = (
        records.assign(seeds=records["seeds"].map(len))
        .groupby(keys, as_index=False)
        .agg(
            seeds=("seeds", "sum"),
            seconds=("seconds", "sum"),
            seed_steps_per_second=("seed_steps_per_second", "median"),
            device=("device", lambda names: ", ".join(sorted(set(names)))),
        )
    )
    return SPEED.frame(speed)


def only_upper_bound(steps: pd.DataFrame) -> pd.Series:
    """Whether N of each seed is known only from above; steps: the columns `STEPS`.

    Such a seed was at or below the threshold when it was evaluated for the first time, so its N
    lies anywhere below that step. Where that step is 1, N is 1.
    """
    first = (steps["status"] == "reached") & (steps["bracket_low"] == 0)
    return first & (steps["steps"] > 1).fillna(False).astype(bool)


def median_sfo(steps: pd.DataFrame) -> pd.DataFrame:
    """Median over seeds of N(b) and of the SFO complexity, from the columns `STEPS`.

    Returns experiment, optimizer, batch_size, seeds, seeds_reached, median_steps, least_steps,
    median_sfo, upper_bound. A seed that did not reach the threshold counts as later than every
    number, so a median is finite only where more than half of the seeds arrived, and +inf
    elsewhere. upper_bound: whether the medians are only upper bounds, because they hang on seeds
    that were at or below the threshold when they were evaluated for the first time
    (`only_upper_bound`). least_steps: the median of N if each of those had needed no step;
    median_steps elsewhere.
    """
    number = steps["steps"].astype("float64").fillna(np.inf)
    table = (
        steps.assign(
            number=number,
            least=number.mask(only_upper_bound(steps), 0.0),
            arrived=steps["status"] == "reached",
        )
        .groupby(["experiment", "optimizer", "batch_size"], as_index=False)
        .agg(
            seeds=("seed", "size"),
            seeds_reached=("arrived", "sum"),
            median_steps=("number", "median"),
            least_steps=("least", "median"),
        )
    )
    return table.assign(
        median_sfo=table["median_steps"] * table["batch_size"],
        upper_bound=table["least_steps"] < table["median_steps"],
    )


def cheapest(costs: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Which batch size of every group costs least, and which others may cost less still.

    costs: `keys`, `batch_size`, and per batch size what it costs at most (`cost`, +inf where the
    threshold was not reached) and at least (`least`, equal to cost where that is known), and
    `upper_bound`, whether cost is only an upper bound.

    Returns a table with the index `keys`, without the groups in which every cost is infinite:
    batch_size: the one with the smallest cost, of equals the smaller one; NA where its cost and
    that of another which may be cheaper are both only upper bounds, because their order then comes
    from the evaluation grid. cost. early: whether a batch size with an upper bound may be cheaper.
    censored: whether one may be because seeds did not reach the threshold.
    """
    finite = costs[np.isfinite(costs["cost"].astype("float64"))]
    best = finite.sort_values(["cost", "batch_size"]).drop_duplicates(keys).set_index(keys)
    best = best[["batch_size", "cost", "upper_bound"]].astype({"batch_size": "Int64"})
    both = costs.merge(best, how="inner", left_on=keys, right_index=True, suffixes=("", "_best"))
    rivals = both[
        (both["batch_size"] != both["batch_size_best"]) & (both["least"] < both["cost_best"])
    ]
    above = rivals["upper_bound"]
    for name, why in (("early", rivals[above]), ("censored", rivals[~above])):
        best[name] = best.index.isin(why.set_index(keys).index)
    unknown = best.pop("upper_bound") & best["early"]
    return best.assign(batch_size=best["batch_size"].mask(unknown))


def _least_sfo(steps: pd.DataFrame) -> pd.Series:
    """What the SFO of each seed is at least, in images; steps: the columns `STEPS`.

    A seed that ran out of steps needs more than bracket_low * b images, which bounds its SFO from
    below; a diverged one needs infinitely many. One whose N is only an upper bound may need none:
    never is such a batch size called the dearer one.
    """
    spent = (steps["bracket_low"] * steps["batch_size"]).astype("float64")
    least = steps["sfo"].astype("float64").where(steps["status"] == "reached", spent)
    least = least.mask(steps["status"] == "diverged", np.inf)
    return least.mask(only_upper_bound(steps), 0.0)


def critical_table(steps: pd.DataFrame) -> pd.DataFrame:
    """The measured critical batch sizes: the columns `CRITICAL`, from the columns `STEPS`.

    critical_batch_size: the batch size with the smallest median SFO (`median_sfo`), the smaller
    of equals. low, high: the smallest and largest of the seeds' own cheapest batch sizes, over
    the seeds that have one; empty where only one seed was run. at_edge says why the true minimum
    may be at another batch size, in one of these words, the first that holds:

    "early": a batch size reached the threshold at its first evaluation, so that its N is only an
    upper bound, and it may be cheaper. "censored": a batch size at which the majority did not
    arrive was stopped with fewer images than the critical one needed. "smallest", "largest": the
    critical batch size is the smallest or largest that was tried ("smallest" where only one was
    tried); batch sizes that were tried and not reached count as tried.

    seeds: how many were run. seeds_reached: how many arrived at the critical batch size.

    There is no critical batch size where at no batch size the majority arrived, nor where the
    smallest SFO is itself only an upper bound and another one as well: it, low and high are empty,
    and seeds_reached is 0. In the second case at_edge is "early".
    """
    keys = ["experiment", "optimizer"]
    medians = median_sfo(steps)
    single = steps.assign(
        cost=steps["sfo"].astype("float64").fillna(np.inf),
        least=_least_sfo(steps),
        upper_bound=only_upper_bound(steps),
    )
    least = single.groupby([*keys, "batch_size"])["least"].median()
    medians["least"] = least.to_numpy()  # in the same order
    best = cheapest(medians.rename(columns={"median_sfo": "cost"}), keys)
    own = cheapest(single, [*keys, "seed"])["batch_size"].dropna().groupby(keys)

    table = medians.groupby(keys).agg(smallest=("batch_size", "min"), largest=("batch_size", "max"))
    table["seeds"] = steps.groupby(keys)["seed"].nunique()
    table["critical_batch_size"] = best["batch_size"]
    reached = medians.set_index([*keys, "batch_size"])["seeds_reached"]
    at_best = table.set_index("critical_batch_size", append=True).index
    table["seeds_reached"] = reached.reindex(at_best).fillna(0).to_numpy()
    found = table["critical_batch_size"].notna() & (table["seeds"] > 1)
    table["low"], table["high"] = own.min().where(found), own.max().where(found)
    doubts = best[["early", "censored"]].reindex(table.index, fill_value=False)
    table["at_edge"] = np.select(
        [
            doubts["early"],
            doubts["censored"],
            (table["critical_batch_size"] == table["smallest"]).fillna(False),
            (table["critical_batch_size"] == table["largest"]).fillna(False),
        ],
        ["early", "censored", "smallest", "largest"],
        default="",
    )
    return CRITICAL.frame(table.reset_index())


def evaluation_table(
    runs: Iterable[Mapping[str, Any]],
    evaluations: pd.DataFrame,
) -> pd.DataFrame:
    """In-loop and independent distances side by side: the columns `EVALUATION`, one row per seed.

    runs: contents of run.json. evaluations: the columns `tables.training.EVALUATIONS` of all
    optimizers. in_loop is the last one of the loop. mean, sd: over the evaluation seeds, sd with
    n - 1 and empty for one. agrees: whether mean <= threshold says what the status says, reached or
    not; empty where a distance is missing or not a number, as for a diverged generator. Raises
    UserError for evaluations of a seed that no run has.
    """
    keys = list(EVALUATION.columns)[:4]
    by_seed = dict(list(evaluations.groupby(keys)["distance"]))
    rows = []
    for run in runs:
        threshold = _threshold(run)
        job = tuple(_field(run, key, run) for key in keys[:3])
        for result in _field(run, "results", run):
            found = by_seed.pop((*job, result["seed"]), pd.Series(dtype="float64"))
            mean = found.mean(skipna=False)
            reached = result["status"] == "reached"
            rows.append(
                (
                    *job,
                    result["seed"],
                    result["status"],
                    result["final_value"],
                    mean,
                    found.std(skipna=False),
                    threshold,
                    None if np.isnan(mean) else (mean <= threshold) == reached,
                )
            )
    if by_seed:
        experiment, optimizer, batch_size, seed = min(by_seed)
        raise UserError(
            f"{experiment}/{optimizer}: evaluation.csv evaluates seed {seed} at b = {batch_size}, "
            "which no run.json has: delete evaluation.csv and run again"
        )
    return EVALUATION.frame(rows).sort_values(keys, ignore_index=True)
