"""What bytes cost by tiers of a month, exactly, and how a sum is spread over rows: in whole numbers, without a float."""

from __future__ import annotations

from collections.abc import Sequence

from streams.insights.cost.prices import Tier


def byte_nanos(tiers: Sequence[Tier], before: int, count: int) -> int:
    """Of `count` bytes that come after `before` others of the month: nanos times bytes of a gigabyte, so that no fraction is lost."""
    return _up_to(tiers, before + count) - _up_to(tiers, before)


def _up_to(tiers: Sequence[Tier], count: int) -> int:
    total, start = 0, 0
    for tier in tiers:
        end = count if tier.to_bytes is None else min(count, tier.to_bytes)
        if end > start:
            total += (end - start) * tier.nano
            start = end
    return total


def rounded(numerator: int, denominator: int) -> int:
    """To the nearest whole, a half up. Neither is negative, and the denominator is not 0."""
    return (2 * numerator + denominator) // (2 * denominator)


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """Whole shares of `amount` in proportion to weights, that add up to it.

    By largest remainders: each share is cut to a whole, and what is left goes, one each, to the largest parts cut off; of equal
    ones, to the first. Weights without a sum take nothing.
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    shares = [amount * weight // whole for weight in weights]
    left = amount - sum(shares)
    if left:
        by_rest = sorted(range(len(weights)), key=lambda at: -(amount * weights[at] % whole))
        for at in by_rest[:left]:
            shares[at] += 1
    return shares
