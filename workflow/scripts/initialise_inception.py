"""Writes random weights of the Inception network, for tests: the distance then says so."""

import argparse

from critical_batch.metrics.features.inception import save_random_inception
from critical_batch.runtime.errors import exit_cleanly


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    save_random_inception(arguments.seed, arguments.output)
    print(f"random weights of Inception, seed {arguments.seed}")


if __name__ == "__main__":
    exit_cleanly(main)
