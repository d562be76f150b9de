"""Durations and quantities as the contract writes them."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_FACTORS = {"": Decimal(1), "m": Decimal("0.001"), "k": Decimal(1000)}
_FACTORS.update({unit: Decimal(1000) ** (n + 2) for n, unit in enumerate("MGTP")})
_FACTORS.update({f"{unit}i": Decimal(1024) ** (n + 1) for n, unit in enumerate("KMGTP")})
_QUANTITY = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)")


def duration(text: str) -> timedelta:
    """Return the time that a text such as "1h30m" names, which fits the schema."""
    parts = re.findall(r"(\d+)(ms|[smhd])", text)
    return timedelta(seconds=sum(int(number) * _SECONDS[unit] for number, unit in parts))


def quantity(text: str) -> Decimal:
    """Return the number that a quantity of Kubernetes such as "500m" names, which fits the schema.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
    """
    found = _QUANTITY.fullmatch(text)
    assert found, text
    return Decimal(found[1]) * _FACTORS[found[2]]
