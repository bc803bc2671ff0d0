"""Resolves the embedded parts anew and pins what they consist of: `python -m geleit.embedded.relock`."""

from pathlib import Path

from geleit.embedded.artifacts import maven, sha256

PARTS = {
    # 4.4.0 cannot be resolved: one of its artifacts is missing in the repository.
    "kafka": ("org.apache.kafka:kafka_2.13:4.3.1", "org.slf4j:slf4j-simple:1.7.36"),
    "zipkin": ("io.zipkin:zipkin-server:jar:exec:3.6.1",),
}
COMPLETE_IN_ITSELF = {"zipkin"}


def relock(name: str) -> None:
    """Write `name.lock`: each archive with its SHA-256, no address."""
    context = maven()
    wanted = [context.create_dependency(coordinate) for coordinate in PARTS[name]]
    if name not in COMPLETE_IN_ITSELF:
        asked, needed = context.resolver.resolve(wanted)
        wanted = [*asked, *needed]
    lines = sorted({f"{one.artifact} sha256:{sha256(one.artifact.resolve())}" for one in wanted})
    header = "# Written by `make lock`: group:artifact:packaging[:classifier]:version and what the file hashes to.\n"
    Path(__file__).with_name(f"{name}.lock").write_text(header + "\n".join(lines) + "\n")


if __name__ == "__main__":
    for part in PARTS:
        relock(part)
