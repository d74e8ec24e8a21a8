"""95 % confidence intervals of numbers measured on a sample of users, in numbers and in words."""

import math
from functools import lru_cache

NOTE = "95 %: the 95 % confidence interval over the users."


@lru_cache(maxsize=4096)
def share_ends(share: float, n: int) -> tuple[float, float]:
    """Both ends of the 95 % confidence interval of a share of n users; nan without users.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference"; unlike a bootstrap
    it is informative where none or all of the users are counted.
    """
    if n < 1 or not math.isfinite(share):
        return math.nan, math.nan
    from scipy.stats import binomtest  # here, since it takes a while to load

    found = binomtest(round(share * n), n).proportion_ci(0.95, "wilson")
    return float(found.low), float(found.high)


def least_difference(one: float, one_low: float, other: float, other_high: float) -> float:
    """Lower end of the 95 % confidence interval of ``one`` - ``other``, from the ends of their own intervals.

    Above 0, ``one`` is the larger. For two numbers of the same users it is on the safe side.

    Source: Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10.
    """
    return one - other - math.hypot(one - one_low, other_high - other)


def range_summary(low: float, high: float, form: str = ".1%") -> str:
    """ "12.0% to 26.1%"; empty where the ends are not known."""
    return f"{low:{form}} to {high:{form}}" if math.isfinite(low) and math.isfinite(high) else ""
