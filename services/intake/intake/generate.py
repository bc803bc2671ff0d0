"""A register for trials where no official one is at hand: the real districts, made-up municipalities in them."""

from collections.abc import Iterator
from math import cos, pi, sin, sqrt

from intake.districts import District, districts
from intake.register import Entry

_CORNERS = {"1": (48.95, 9.15), "2": (48.90, 8.15), "3": (47.75, 7.80), "4": (47.75, 8.95)}
"""South-west corner (degrees north, east) of a region's box, by the third digit of the AGS: the four
Regierungsbezirke lie north-east, north-west, south-west and south-east."""
_HEIGHT, _WIDTH = 0.75, 0.95
_GOLDEN_ANGLE = pi * (3 - sqrt(5))


def generate() -> list[Entry]:
    """1,101 municipalities, as many in each district and as many people as there are; always the same."""
    return [entry for district in districts().values() for entry in _of(district)]


def _of(district: District) -> Iterator[Entry]:
    latitude, longitude, radius = _place(district)
    for index, population in enumerate(_split(district.population, district.municipalities)):
        # A sunflower's seeds: even cover of a disc without chance.
        distance = radius * sqrt(index / district.municipalities)
        yield Entry(
            ags=f"{district.ags}{0 if district.urban else index + 1:03}",
            name=district.name if district.urban else f"{district.name} {index + 1:02}",
            district_name=district.title,
            population=population,
            latitude=round(latitude + distance * sin(index * _GOLDEN_ANGLE), 6),
            longitude=round(longitude + distance * cos(index * _GOLDEN_ANGLE), 6),
        )


def _place(district: District) -> tuple[float, float, float]:
    """Centre and radius of a district's disc, in degrees: a cell of its region's grid."""
    region = [ags for ags in districts() if ags[2] == district.ags[2]]
    columns = 4
    rows = -(-len(region) // columns)
    row, column = divmod(region.index(district.ags), columns)
    south, west = _CORNERS[district.ags[2]]
    height, width = _HEIGHT / rows, _WIDTH / columns
    return south + (row + 0.5) * height, west + (column + 0.5) * width, 0.45 * min(height, width)


def _split(population: int, parts: int) -> list[int]:
    """Sizes that fall off like towns' do (rank to the power of -0.8) and add up exactly."""
    weights = [(rank + 1) ** -0.8 for rank in range(parts)]
    sizes = [int(population * weight / sum(weights)) for weight in weights]
    sizes[0] += population - sum(sizes)
    return sizes
