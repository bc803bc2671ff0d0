"""Patterns of the Amtlicher Gemeindeschlüssel: 2 state + 1 council + 2 district + 3 municipality digits; state 08."""

MUNICIPALITY = "08[0-9]{6}"
DISTRICT = "08[0-9]{3}"
