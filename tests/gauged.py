"""What the process says of itself on /metrics, as a test asks for it."""

from prometheus_client import REGISTRY


def sample(name: str, /, **labels: str) -> float | None:
    """The sample of that name with exactly these labels; None if there is none."""
    return REGISTRY.get_sample_value(name, labels)


def figure(name: str, /, **labels: str) -> float:
    """The sample, 0 if there is none yet: other tests count in the same process, so look before and after."""
    return sample(name, **labels) or 0.0
