"""What there is to play: titles and lengths in seconds."""

from __future__ import annotations

SONGS: dict[str, int] = {
    "Morning Static": 212,
    "Paper Boats": 187,
    "Low Tide": 264,
    "Tin Roof Rain": 231,
    "Northbound": 198,
    "Glass Elevator": 243,
    "Slow Orbit": 312,
    "Seven Lanterns": 176,
    "Harbour Lights": 225,
    "Copper Wire": 204,
    "Last Train Home": 251,
    "Sugar and Salt": 193,
}
