"""The architectures that represent the others in the tests of networks."""

from tests.architectures import for_each_architecture

REPRESENTATIVES = frozenset(
    {"squeezenet1_0", "resnet18", "mobilenet_v3_small", "swin_t", "inception_v3"}
)
"""A convolutional head, a linear head, a head of several layers, a transformer, and an auxiliary
head with its own input size."""

each_architecture = for_each_architecture(REPRESENTATIVES)
