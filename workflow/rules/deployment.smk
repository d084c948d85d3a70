# Where jobs find their software: in the environment that runs Snakemake, with `--use-conda` in one
# that conda makes, with `--sdm conda apptainer` in a container (docs/environments.md), and what
# they see of the user's shell. No rules here.

import shutil
import sys
from shlex import quote

from snakemake.settings.types import DeploymentMethod

CONTAINER = found("resources/container.sif", CHECKOUT)


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

# The interpreter that runs Snakemake, or that of the environment which conda activates.
BY_CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
PYTHON = "python" if BY_CONDA else sys.executable

# What the user's shell hands down and must neither break nor change a job (docs/reliability.md).
# Numbers of threads and the folder for temporary files are not here: Snakemake sets them itself.
NOT_HANDED_DOWN = [
    # Other modules, another installation, assertions left out, warnings that are errors.
    "${!PYTHON@}",
    # A notebook's backend, other settings of figures.
    *("${!MPL@}", "MATPLOTLIBRC"),
    # Another launcher's processes: a training would wait for them.
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"),
    *("MASTER_ADDR", "MASTER_PORT", "${!TORCHELASTIC@}"),
    # Other kernels for sums and products, which round otherwise.
    *("${!ONEDNN_@}", "${!DNNL_@}", "${!NPY_@}", "ATEN_CPU_CAPABILITY", "OPENBLAS_CORETYPE"),
    *("MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "MKL_DEBUG_CPU_TYPE"),
    *("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"),
]
HANDED_DOWN = [
    *("PYTHONNOUSERSITE=1", "PYTHONUTF8=1"),
    # For rules whose outputs are cached: their parameters must not say where the workflow lies.
    *(f"WORKFLOW_PYTHON={quote(PYTHON)}", f"WORKFLOW_SCRIPTS={quote(SCRIPTS)}"),
]

PREFIX = f"set -euo pipefail; unset {' '.join(NOT_HANDED_DOWN)}; export {' '.join(HANDED_DOWN)}; "

# Braces are doubled, because the prefix is formatted together with the command.
shell.prefix(PREFIX.replace("{", "{{").replace("}", "}}"))
