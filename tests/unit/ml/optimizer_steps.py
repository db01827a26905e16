"""Take optimizer steps, with or without the import of torchvision that avoids torch's compiler.

`python -m tests.unit.ml.optimizer_steps deferred|ordinary` prints the results as JSON.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

NUM_STEPS = 5

OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "sgd": lambda parameters: SGD(parameters, lr=0.1),
    "sgd_momentum": lambda parameters: SGD(
        parameters, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3
    ),
    "adam": lambda parameters: Adam(parameters, lr=0.01),
    "adamw": lambda parameters: AdamW(parameters, lr=0.01, weight_decay=0.1),
    "rmsprop": lambda parameters: RMSprop(parameters, lr=0.01, momentum=0.9),
}


def main(kind: str) -> None:
    """Print parameters' digests, whether the compiler was imported, and RoI alignment's results."""
    if kind == "deferred":
        from app.ml.runtime.lazy_compiler import import_torchvision  # noqa: PLC0415 - one kind's part

        import_torchvision()
    else:
        import torchvision.transforms.v2  # noqa: F401, PLC0415 - the other's
    parameters = {name: take_steps(make) for name, make in OPTIMIZERS.items()}
    has_compiler = "torch._dynamo" in sys.modules
    results = {
        "parameters": parameters,
        "has_compiler": has_compiler,
        "aligned": align(),
        "is_compile_supported": ask_whether_compiling_is_supported(),
        "has_compiler_at_last": "torch._dynamo" in sys.modules,
    }
    json.dump(results, sys.stdout)


def take_steps(make_optimizer: Callable[[Any], Optimizer]) -> str:
    """Train a small network; return the digest of all its parameters' bits."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = make_optimizer(network.parameters())
    for _ in range(NUM_STEPS):
        inputs = torch.randn(32, 8, generator=generator)
        labels = torch.randint(3, (32,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    digest = hashlib.sha256()
    for parameter in network.parameters():
        digest.update(parameter.detach().numpy().tobytes())
    return digest.hexdigest()


def align() -> list[float]:
    """Return what torchvision's RoI alignment makes of a ramp."""
    from torchvision.ops import roi_align  # noqa: PLC0415 - imported by main in its own way

    ramp = torch.arange(64.0).reshape(1, 1, 8, 8)
    aligned: Tensor = roi_align(ramp, [torch.tensor([[1.0, 1.0, 5.0, 5.0]])], output_size=2)
    values: list[float] = aligned.flatten().tolist()
    return values


def ask_whether_compiling_is_supported() -> bool:
    """Call the compiler's function that torchvision's module of RoI alignment has imported."""
    import torchvision.ops  # noqa: F401, PLC0415 - as above

    module = sys.modules["torchvision.ops.roi_align"]
    return bool(module.is_compile_supported("cpu"))


if __name__ == "__main__":
    main(sys.argv[1])
