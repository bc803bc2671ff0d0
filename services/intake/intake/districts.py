"""The 44 Stadt- and Landkreise: names, how many municipalities and people (Destatis, 31 December 2023)."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class District:
    """One urban or rural district; key = the first five digits of its municipalities' AGS."""

    ags: str
    name: str
    urban: bool
    municipalities: int
    population: int

    @property
    def title(self) -> str:
        """The name that tells Heilbronn and Karlsruhe, town and district, apart."""
        return self.name if self.urban or self.name.endswith("kreis") else f"Landkreis {self.name}"


@cache
def districts() -> Mapping[str, District]:
    """All 44, by AGS."""
    lines = (files("intake") / "districts.csv").read_text("utf-8").splitlines()
    return {
        row["ags"]: District(
            row["ags"], row["name"], row["kind"] == "S", int(row["municipalities"]), int(row["population"])
        )
        for row in csv.DictReader(lines, delimiter=";")
    }
