# Where jobs find their software: in the environment that runs Snakemake, with `--use-conda` in one
# that conda makes, with `--sdm conda apptainer` in a container (docs/environments.md). No rules here.

import shutil
import sys

from snakemake.settings.types import DeploymentMethod

CONTAINER = "resources/container.sif"


containerized: CONTAINER


def missing_software(deployment):
    """What stands in the way of the deployment asked for, and the remedy; None where nothing does."""
    methods, has_conda = deployment.deployment_method, bool(shutil.which("conda"))
    if DeploymentMethod.APPTAINER not in methods:
        if DeploymentMethod.CONDA in methods and not has_conda:
            return (
                "--use-conda: there is no conda on PATH: install Miniforge"
                " (https://conda-forge.org/download), or leave --use-conda away and run in the"
                " environment of make setup"
            )
    elif DeploymentMethod.CONDA not in methods:
        return "--sdm apptainer: the container holds conda environments, use --sdm conda apptainer"
    elif not (shutil.which("apptainer") or shutil.which("singularity")):
        return "--sdm apptainer: there is no apptainer on PATH: install it, or leave --sdm away"
    elif not Path(CONTAINER).is_file():
        return (
            f"--sdm apptainer: {CONTAINER} is missing:"
            f" apptainer build {CONTAINER} containers/apptainer.def"
        )
    elif not (has_conda or deployment.conda_base_path):
        return "--sdm apptainer: there is no conda outside: add --conda-base-path /opt/conda"


if problem := missing_software(workflow.deployment_settings):
    sys.exit(f"error: {problem}")
