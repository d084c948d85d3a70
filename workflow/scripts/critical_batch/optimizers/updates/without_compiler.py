"""torch's optimizers without torch's compiler.

Building an optimizer, and each of its steps, imports torch._dynamo, which takes almost as long as
`import torch` itself and has nothing to do where nothing is compiled.
"""

import torch
from torch.optim import Optimizer


def without_compiler(kind: type[Optimizer]) -> type[Optimizer]:
    """A subclass of an optimizer class that does the same and never imports the compiler.

    It is the class itself where torch is built in another way than this expects.
    """
    step = getattr(kind.step, "__wrapped__", None)
    if step is None:
        return kind
    for name in ("add_param_group", "zero_grad", "state_dict", "load_state_dict"):
        method = getattr(getattr(Optimizer, name), "__wrapped__", None)
        if method is not None and not hasattr(method, "__dynamo_disable"):
            # What torch's own wrapper would store there after the import.
            setattr(method, "__dynamo_disable", method)
    return type(kind.__name__, (kind,), {"step": torch.no_grad()(step)})
