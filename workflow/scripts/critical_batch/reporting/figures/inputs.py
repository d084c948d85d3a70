"""What figures are drawn from. Needs neither matplotlib nor pandas."""

from ...tables import aggregate, statistics, theory

TABLES = {
    "steps": aggregate.STEPS,
    "critical": aggregate.CRITICAL,
    "speed": aggregate.SPEED,
    "bootstrap": statistics.BOOTSTRAP,
    "intervals": statistics.CRITICAL_INTERVALS,
    "thresholds": statistics.THRESHOLD,
    "fit": theory.CENSORED_FIT,
    "repetitions": statistics.REPETITIONS,
    "comparison": theory.COMPARISON,
    "noise_scale": theory.NOISE_SCALE,
    "learning_rates": theory.LEARNING_RATES,
}
"""The tables that figures are drawn from, by short names."""
