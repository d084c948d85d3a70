"""Tests that run snakemake for real, in copies of the repository."""
