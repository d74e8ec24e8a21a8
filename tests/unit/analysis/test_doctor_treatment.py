"""Which remedy comes next: worked by hand on diagnoses that are made up."""

import numpy as np

from tiger.analysis import doctor
from tiger.analysis.doctor import Attempt, Diagnosis, Remedy, next_treatment

START = {"n_steps": 10, "beta": 0.25, "ema": False, "n_codes": 16}
FIRST = Remedy("First", "Why.", {"n_steps": 20})
SECOND = Remedy("Second", "Why.", {"ema": True})
SAME = Remedy("Same as before", "Why.", {"beta": 0.25})


def signs(n_distinct: int) -> doctor.Signs:
    codes_IL = np.stack([np.arange(100) % n_distinct % 16, np.arange(100) % n_distinct // 16], 1)
    return doctor.take(codes_IL, 16)


def sick(severity: str, *remedies: Remedy, n_distinct: int = 10) -> Diagnosis:
    return Diagnosis("collision_storm", severity, ["Evidence."], "Why.", list(remedies), signs(n_distinct))


HEALTHY = Diagnosis("healthy", "good", ["Fine."], "Why.", [], signs(100))


def test_the_first_remedy_of_the_untreated_run_comes_first():
    found = next_treatment([Attempt(START, sick("critical", FIRST, SECOND))])
    assert (found.base, found.remedy, found.params) == (0, FIRST, START | {"n_steps": 20})


def test_a_healthy_run_ends_it_wherever_it_stands():
    attempts = [Attempt(START, sick("critical", FIRST)), Attempt(START | {"n_steps": 20}, HEALTHY),
                Attempt(START | {"ema": True}, sick("mild", SECOND))]
    assert next_treatment(attempts) is None and next_treatment(attempts[1:2]) is None


def test_a_remedy_that_helped_stays_and_one_that_did_not_goes():
    better = Attempt(START | {"n_steps": 20}, sick("mild", SECOND))
    found = next_treatment([Attempt(START, sick("critical", FIRST, SECOND)), better])
    assert (found.base, found.params) == (1, START | {"n_steps": 20, "ema": True})
    worse = Attempt(START | {"n_steps": 20}, sick("critical", SECOND, n_distinct=5))
    found = next_treatment([Attempt(START, sick("critical", FIRST, SECOND)), worse])
    assert (found.base, found.remedy, found.params) == (0, SECOND, START | {"ema": True})


def test_of_equally_bad_runs_the_one_with_more_distinct_ids_goes_on():
    more = Attempt(START | {"n_steps": 20}, sick("serious", SECOND, n_distinct=40))
    assert next_treatment([Attempt(START, sick("serious", FIRST)), more]).base == 1


def test_a_cause_that_was_removed_is_progress_whatever_the_number_of_ids():
    collapsed = Diagnosis("total_collapse", "critical", ["Evidence."], "Why.", [SECOND], signs(2))
    strong = Diagnosis("over_strong_commitment", "critical", ["Evidence."], "Why.", [FIRST], signs(40))
    found = next_treatment([Attempt(START, strong), Attempt(START | {"n_steps": 20}, collapsed)])
    assert (found.base, found.params) == (1, START | {"n_steps": 20, "ema": True})


def test_where_the_best_has_nothing_left_the_next_best_goes_on():
    better = Attempt(START | {"n_steps": 20}, sick("mild", FIRST))
    found = next_treatment([Attempt(START, sick("critical", FIRST, SECOND)), better])
    assert (found.base, found.params) == (0, START | {"ema": True})


def test_nothing_is_tried_twice_and_nothing_that_changes_nothing():
    tried = [Attempt(START, sick("serious", SAME, FIRST)), Attempt(START | {"n_steps": 20}, sick("critical", FIRST))]
    assert next_treatment(tried) is None
    unknown = Remedy("Of another quantizer", "Why.", {"centre": "mean"})
    assert next_treatment([Attempt(START, sick("serious", unknown, FIRST))]).remedy == FIRST


def test_a_run_that_failed_without_codes_is_the_worst():
    tried = [Attempt(START, sick("critical", FIRST, SECOND)), Attempt(START | {"n_steps": 20}, None)]
    assert (next_treatment(tried).base, next_treatment(tried).remedy) == (0, SECOND)
    no_codes = Diagnosis("large_scale", "critical", ["Too large."], "Why.", [FIRST], None)
    assert next_treatment([Attempt(START, no_codes)]).remedy == FIRST
