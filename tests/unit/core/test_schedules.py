"""Learning rates over a training."""

import pytest

from tiger.core.schedules import SCHEDULES, cosine, inverse_sqrt


@pytest.mark.parametrize("step", [1, 9_999, 10_000, 10_001, 40_000, 200_000])
def test_one_percent_under_inverse_sqrt_is_t5s_schedule(step):
    """1 / sqrt(max(n, 10,000)) at step n (Raffel et al. 2020, section 3.1.2) over the paper's 200,000 steps."""
    assert 0.01 * inverse_sqrt(step - 1, 200_000, 0.05) == pytest.approx(max(step, 10_000) ** -0.5)


def test_a_cosine_rises_evenly_and_ends_near_one_percent():
    assert [cosine(step, 40, 0.1) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert cosine(22, 40, 0.1) == pytest.approx(0.505)
    assert cosine(40, 40, 0.1) == pytest.approx(0.01)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_of_one_step_takes_the_peak(name):
    assert SCHEDULES[name](0, 1, 0.05) == 1.0
