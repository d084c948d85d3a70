"""Configurations that must not run: each with the one line that it ends with."""

from collections.abc import Callable
from typing import Any

DCGAN, WGAN = "experiments.dcgan", "experiments.wgan-gp"
NAME = "is not a valid name: use at most 64 lower-case letters, digits, - and _"


def setting(path: str, value: Any) -> Callable[[dict], None]:
    """A change: the value at a path of keys, joined by slashes."""

    def change(settings: dict) -> None:
        *parents, key = path.split("/")
        for parent in parents:
            settings = settings[parent]
        settings[key] = value

    return change


def without(path: str) -> Callable[[dict], None]:
    def change(settings: dict) -> None:
        *parents, key = path.split("/")
        for parent in parents:
            settings = settings[parent]
        del settings[key]

    return change


def named(kind: str, old: str, new: str) -> Callable[[dict], None]:
    def change(settings: dict) -> None:
        settings[kind][new] = settings[kind].pop(old)

    return change


def nested_twice(settings: dict) -> None:
    settings["experiments"] = {"dcgan": {"dcgan": settings["experiments"]["dcgan"]}}


def one_level_up(settings: dict) -> None:
    settings.update(settings.pop("experiments"))


FID, OPTIMIZER = "experiments/dcgan/fid", "experiments/dcgan/optimizers/Adam"

# name -> (change to a valid configuration, how the line goes on after "error: config: ")
CHANGES: dict[str, tuple[Callable[[dict], None], str]] = {
    # keys and nesting
    "unknown key": (
        setting(f"{FID}/treshold", 1.0),
        f"{DCGAN}.fid.treshold is not a known key: did you mean threshold?",
    ),
    "unknown key at the top": (setting("thread", 4), "thread is not a known key: remove it"),
    "missing key": (
        without("experiments/dcgan/limits/steps"),
        f"{DCGAN}.limits.steps is missing: add it",
    ),
    "no experiments": (without("experiments"), "experiments is missing: add it"),
    "experiments inside an experiment": (nested_twice, f"{DCGAN}.dcgan is not a known key"),
    "experiments at the top": (one_level_up, "dcgan is not a known key: remove it"),
    "unknown optimizer": (
        setting("experiments/dcgan/optimizers/Adamm", {}),
        f"{DCGAN}.optimizers.Adamm is not a known optimizer: use one of Adam",
    ),
    "unknown kind": (
        setting("datasets/mnist/kind", "emnist"),
        "datasets.mnist.kind is 'emnist': use one of fashion_mnist",
    ),
    "key of another kind": (
        setting("experiments/dcgan/objective/penalty_weight", 10),
        f"{DCGAN}.objective.penalty_weight is not a known key of kind bce",
    ),
    # types
    "text for a list": (
        setting("experiments/dcgan/batch_sizes", "four"),
        f"{DCGAN}.batch_sizes is 'four': use a list",
    ),
    "list for a mapping": (setting("datasets", ["mnist"]), "datasets is ['mnist']: use a mapping"),
    "mapping for a number": (
        setting(f"{FID}/threshold", {"value": 1}),
        f"{DCGAN}.fid.threshold is {{'value': 1}}: use a number",
    ),
    "number as text": (
        setting(f"{OPTIMIZER}/generator_rate", "2e-3"),
        f"{DCGAN}.optimizers.Adam.generator_rate is text: YAML reads 2e-3 as text, write 2.0e-3",
    ),
    "number for text": (
        setting("experiments/dcgan/section", 4.1),
        f"{DCGAN}.section is 4.1, not text: put it in quotes",
    ),
    "truth for a number": (
        setting("experiments/dcgan/limits/steps", True),
        f"{DCGAN}.limits.steps is true: use a whole number",
    ),
    "truth in a list of numbers": (
        setting("experiments/dcgan/batch_sizes", [4, True]),
        f"{DCGAN}.batch_sizes[1] is true: use a whole number",
    ),
    "number for truth": (
        setting("experiments/dcgan/latent_reuse", 1),
        f"{DCGAN}.latent_reuse is 1: use true or false",
    ),
    "nothing for a mapping": (
        setting("experiments/dcgan/fid", None),
        f"{DCGAN}.fid is empty: give it a mapping",
    ),
    "half a batch": (
        setting("experiments/dcgan/batch_sizes", [2.5]),
        f"{DCGAN}.batch_sizes[0] is 2.5: use a whole number",
    ),
    # ranges
    "negative rate": (
        setting(f"{OPTIMIZER}/generator_rate", -0.1),
        f"{DCGAN}.optimizers.Adam.generator_rate is -0.1: use a number above 0 and at most 1",
    ),
    "nan": (
        setting(f"{FID}/threshold", float("nan")),
        f"{DCGAN}.fid.threshold is nan: use a number that is finite",
    ),
    "infinity": (
        setting(f"{OPTIMIZER}/eps", float("inf")),
        f"{DCGAN}.optimizers.Adam.eps is inf: use a number that is finite",
    ),
    "negative infinity": (
        setting(f"{FID}/grid/factor", float("-inf")),
        f"{DCGAN}.fid.grid.factor is -inf: use a number that is finite",
    ),
    "batch size zero": (
        setting("experiments/dcgan/batch_sizes", [0]),
        f"{DCGAN}.batch_sizes[0] is 0: use a whole number of at least 1",
    ),
    "negative seed": (
        setting("experiments/dcgan/seeds", [-1]),
        f"{DCGAN}.seeds[0] is -1: use a whole number of at least 0",
    ),
    "factor one": (
        setting(f"{FID}/grid/factor", 1.0),
        f"{DCGAN}.fid.grid.factor is 1.0: use a number above 1",
    ),
    "empty list of seeds": (
        setting("experiments/dcgan/seeds", []),
        f"{DCGAN}.seeds is empty: list at least one",
    ),
    "no optimizers": (
        setting("experiments/dcgan/optimizers", {}),
        f"{DCGAN}.optimizers is empty: list at least one",
    ),
    "the same twice": (
        setting("experiments/dcgan/batch_sizes", [4, 4]),
        f"{DCGAN}.batch_sizes lists 4 twice: remove one",
    ),
    # what would hang or take all memory
    "huge batch size": (
        setting("experiments/dcgan/batch_sizes", [10**18]),
        f"{DCGAN}.batch_sizes[0] is 1000000000000000000: use a whole number of at least 1 and at "
        "most 10000000",
    ),
    "number of 400 digits": (
        setting("experiments/dcgan/batch_sizes", [10**400]),
        f"{DCGAN}.batch_sizes[0] is 1000",
    ),
    "batch size above the data": (
        setting("experiments/wgan-gp/batch_sizes", [5001]),
        f"{WGAN}.batch_sizes[0] is 5001, above the 5000 images of mnist",
    ),
    "many seeds": (
        setting("experiments/dcgan/seeds", list(range(1_000_000))),
        "'changed.yaml' has more than 1048576 bytes: name a file of configuration",
    ),
    "more seeds than a list may have": (
        setting("experiments/dcgan/seeds", list(range(1001))),
        f"{DCGAN}.seeds lists 1001: list at most 1000",
    ),
    "many jobs": (
        lambda settings: settings["experiments"]["dcgan"].update(
            seeds=list(range(1000)), seeds_per_job=1, batch_sizes=list(range(1, 101))
        ),
        f"{DCGAN} brings the training jobs to 101000: use at most 10000",
    ),
    "huge number of steps": (
        setting("experiments/dcgan/limits/steps", 10**18),
        f"{DCGAN}.limits.steps is 1000000000000000000: use a whole number of at least 1 and at",
    ),
    "huge images": (
        setting("datasets/mnist/image_size", 10**9),
        "datasets.mnist.image_size is 1000000000: use one of 8, 16, 32, 64, 128, 256",
    ),
    "evaluations without end": (
        lambda settings: (
            settings["experiments"]["dcgan"]["limits"].update(steps=10**9),
            settings["experiments"]["dcgan"]["fid"]["grid"].update(factor=1.0000001),
        ),
        f"{DCGAN}.fid.grid.factor is 1.0000001, about 56051697 evaluations",
    ),
    "evaluation at every step": (
        lambda settings: (
            settings["experiments"]["wgan-gp"]["limits"].update(steps=10**9),
            settings["experiments"]["wgan-gp"]["fid"]["grid"].update(every=1),
        ),
        f"{WGAN}.fid.grid.every is 1, about 1000000000 evaluations",
    ),
    "factor beyond all numbers": (
        setting(f"{FID}/grid/factor", 1e300),
        f"{DCGAN}.fid.grid.factor is 1e+300: use a number above 1 and at most 1000",
    ),
    "huge network": (
        setting("experiments/dcgan/networks/generator_width", 10**6),
        f"{DCGAN}.networks.generator_width is 1000000: use a whole number of at least 1 and at",
    ),
    "endless samples": (
        setting(f"{FID}/samples", 10**12),
        f"{DCGAN}.fid.samples is 1000000000000: use a whole number of at least 2 and at most",
    ),
    "long title": (
        setting("experiments/dcgan/title", "x" * 200_000),
        f"{DCGAN}.title has 200000 characters: use at most 1000",
    ),
    # paths and words for the shell
    "experiment outside its folder": (
        named("experiments", "biggan", "../biggan"),
        f"experiments.'../biggan' {NAME}",
    ),
    "absolute experiment": (
        named("experiments", "biggan", "/tmp/biggan"),
        f"experiments.'/tmp/biggan' {NAME}",
    ),
    "data set with a space": (named("datasets", "mnist", "m nist"), f"datasets.'m nist' {NAME}"),
    "data set with a quote": (named("datasets", "mnist", "m'nist"), f'datasets."m\'nist" {NAME}'),
    "data set with a command": (
        named("datasets", "mnist", "mnist; touch pwned"),
        f"datasets.'mnist; touch pwned' {NAME}",
    ),
    "data set with a substitution": (
        named("datasets", "mnist", "$(touch pwned)"),
        f"datasets.'$(touch pwned)' {NAME}",
    ),
    "data set with a line break": (
        named("datasets", "mnist", "mnist\ntouch"),
        f"datasets.'mnist\\ntouch' {NAME}",
    ),
    "data set with a dash": (named("datasets", "mnist", "-rf"), f"datasets.-rf {NAME}"),
    "data set in Greek": (named("datasets", "mnist", "μ"), f"datasets.μ {NAME}"),
    "wildcard as a name": (
        named("datasets", "mnist", "{dataset}"),
        f"datasets.'{{dataset}}' {NAME}",
    ),
    "name of 65 letters": (named("datasets", "mnist", "m" * 65), f"datasets.'{'m' * 65}' {NAME}"),
    "no name": (named("datasets", "mnist", ""), f"datasets.'' {NAME}"),
    "missing folder": (
        setting("datasets/fashion-mnist/root", "resources/nowhere"),
        "datasets.fashion-mnist.root is 'resources/nowhere', not a folder",
    ),
    "folder above the checkout": (
        setting("datasets/fashion-mnist/root", "../.."),
        "datasets.fashion-mnist.root is '../..', where t10k-images-idx3-ubyte.gz is missing",
    ),
    "folder with a zero byte": (
        setting("datasets/fashion-mnist/root", "a\0b"),
        "datasets.fashion-mnist.root is 'a\\x00b': use one line of text",
    ),
    "folder that is a command": (
        setting("datasets/fashion-mnist/root", "$(touch pwned)"),
        "datasets.fashion-mnist.root is '$(touch pwned)', not a folder",
    ),
    "weights with a line break": (
        setting("inception", {"weights": "a\ntouch pwned"}),
        "inception.weights is 'a\\ntouch pwned': use one line of text",
    ),
    "digest that is a command": (
        setting("inception", {"sha256": "; touch pwned"}),
        "inception.sha256 is '; touch pwned': use the 64 hexadecimal digits",
    ),
    "device that is a command": (
        setting("device", "cpu; touch pwned"),
        "device is 'cpu; touch pwned': use one of cpu, cuda",
    ),
    # references
    "ratio of no experiment": (
        setting("experiments/wgan-gp/ratio/experiment", "gan"),
        f"{WGAN}.ratio.experiment is 'gan', not an experiment",
    ),
    "unknown data set": (
        setting("experiments/dcgan/dataset", "cifar"),
        f"{DCGAN}.dataset is 'cifar', not a data set",
    ),
}

LAUGHS = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"] + [
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)
]

# name -> (content of the file, how the line goes on after the file's name)
FILES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", " is empty: begin with config.yaml"),
    "comments": (b"# nothing yet\n", " is empty: begin with config.yaml"),
    "list": (b"- a\n- b\n", " is no mapping of keys to values"),
    "text": (b"hello\n", " is no mapping of keys to values"),
    "broken YAML": (b"experiments: [\n", " is not plain YAML, line 2, column 1"),
    "tab": (b"datasets:\n\tmnist: 1\n", " is not plain YAML, line 2, column 1"),
    "two documents": (b"a: 1\n---\nb: 2\n", " is not plain YAML, line 2"),
    "key twice": (
        b"device: cpu\ndatasets: {}\ndevice: cuda\n",
        " has the key 'device' twice, line 1 and line 3: remove one",
    ),
    "key twice in JSON": (
        b'{"device": "cpu", "device": "cuda"}',
        " has the key 'device' twice: remove one",
    ),
    "key twice, deep": (
        b"datasets:\n  a: {kind: mnist, image_size: 8, kind: mnist}\n",
        " has the key 'kind' twice, line 2 and line 2: remove one",
    ),
    "Python object": (
        b'device: !!python/object/apply:os.system ["touch pwned"]\n',
        " is not plain YAML, line 1, column 9 (could not determine a constructor",
    ),
    "template": (
        b"__use_yte__: true\n?__import__('os').system('touch pwned'):\n  a: 1\n",
        " has the key __use_yte__, which runs code in the file: remove it",
    ),
    "billion laughs": ("\n".join(LAUGHS).encode(), " stands for more than 100000 values"),
    "alias to itself": (b"datasets: &a {x: *a}\n", " has an alias to what it stands in, line 1"),
    "nested without end": (b"[" * 50_000, " is nested too deeply"),
    "nested mappings": (b"{a: " * 20_000, " is nested too deeply"),
    "not UTF-8": (b"device: \xe9\n", " is not UTF-8 from byte 8 on: save it as UTF-8"),
    "UTF-16": ("device: cpu\n".encode("utf-16"), " is not UTF-8 from byte 0 on"),
    "zero bytes": (bytes(100), " is not plain YAML (unacceptable character"),
    "a program": (b"\x7fELF\x02\x01\x01" + bytes(range(256)), " is not UTF-8 from byte"),
    "two megabytes": (b"# long\n" * 300_000, " has more than 1048576 bytes"),
    "number of 5000 digits": (b"device: " + b"9" * 5000, " is not plain YAML (Exceeds the limit"),
    "day that there is not": (b"device: 2026-13-45\n", " is not plain YAML (month must be"),
}

# name -> (words of the command line, how the line goes on after "error: config: ")
WORDS: dict[str, tuple[list[str], str]] = {
    "no such file": (["--configfile", "no/such.yaml"], "'no/such.yaml' is not there: correct"),
    "folder as a file": (["--configfile", "tests"], "'tests' is not a file: name a file"),
    "device as a file": (["--configfile", "/dev/null"], "'/dev/null' is not a file: name a file"),
    "name that is a command": (
        ["--configfile", "$(touch pwned)"],
        "'$(touch pwned)' is not there: correct",
    ),
    "target among the files": (
        ["--configfile", "config.yaml", "table3"],
        "'table3' is not there: correct the path (what follows --configfile is taken for files",
    ),
    "no value": (["--config", "device"], "--config 'device': write KEY=VALUE"),
    "dotted key": (["--config", "fid.samples=5"], "--config 'fid.samples=5': write KEY=VALUE"),
    "unknown key": (["--config", "threads=5"], "threads is not a known key: remove it"),
    "unknown device": (["--config", "device=tpu"], "device is 'tpu': use one of cpu, cuda"),
    "command": (["--config", "device=$(touch pwned)"], "device is '$(touch pwned)': use one"),
    "number for all": (["--config", "experiments=5"], "experiments is 5: use a mapping"),
    "word for a nested number": (
        ["--config", "experiments={dcgan-fashion: {limits: {steps: five}}}"],
        "experiments.dcgan-fashion.limits.steps is 'five': use a whole number",
    ),
    "nested number out of range": (
        ["--config", "experiments={dcgan-fashion: {limits: {samples: 63}}}"],
        "experiments.dcgan-fashion.limits.samples is 63, less than one step of batch size 64: use",
    ),
    "path": (
        ["--config", "datasets={'../x': {kind: mnist, image_size: 8}}"],
        f"datasets.'../x' {NAME}",
    ),
    "object": (
        ["--config", 'device=!!python/object/apply:os.system ["touch pwned"]'],
        "device is ['touch pwned']: use one of cpu, cuda",
    ),
}
