"""`municipalities`: the official register of municipalities."""

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.record import Ags, DistrictAgs, State


class Municipality(State):
    """One municipality; key = AGS."""

    ce_type: ClassVar[str] = "geleit.municipality.v1"

    ags: Ags
    name: Annotated[str, Field(min_length=1, max_length=100)]
    district: DistrictAgs
    district_name: Annotated[str, Field(min_length=1, max_length=100)]
    population: Annotated[int, Field(ge=0)]
    latitude: Annotated[float, Field(ge=47, le=50)] | None = None
    longitude: Annotated[float, Field(ge=7, le=11)] | None = None
    active: bool = True
    """False once a reform has dissolved it."""

    @property
    def key(self) -> str:
        return self.ags
