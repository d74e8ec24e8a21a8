"""Where a number measured on few users may lie: 95 % intervals, in numbers and in words."""

import math
from functools import lru_cache

WORDS = "95 %: where the number would lie if all users like these were asked; asked anew, 95 of 100 such ranges hold it."


@lru_cache(maxsize=4096)
def share_ends(share: float, n: int) -> tuple[float, float]:
    """Both ends of the 95 % interval of a share of n users; nan where nobody was asked.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference"; unlike a bootstrap
    it says something where none or all of the users are counted.
    """
    if n < 1 or not math.isfinite(share):
        return math.nan, math.nan
    from scipy.stats import binomtest  # here, since it takes a while to load

    found = binomtest(round(share * n), n).proportion_ci(0.95, "wilson")
    return float(found.low), float(found.high)


def range_summary(low: float, high: float, form: str = ".1%") -> str:
    """ "12.0% to 26.1%"; empty where the ends are not known."""
    return f"{low:{form}} to {high:{form}}" if math.isfinite(low) and math.isfinite(high) else ""
