"""What the Doctor page asks for, and its answer: everything about a run, the runs that treated it, and what to try next."""

from dataclasses import dataclass

from tiger import metrics, reports, runs
from tiger.analysis.doctor import Diagnosis
from tiger.reports.doctor import Consultation, course_of
from tiger.ui.shared import caching, diagnoses, live, state

LONGEST = 10  # runs of a treatment that are examined; of more, the newest


@dataclass(frozen=True)
class Request:
    """A run, and how each run of its treatment stands now: another state or other codes make another request.

    Args:
        run_id: the run to examine.
        course: id, state and what tells the codes apart, of every run.
    """

    run_id: str
    course: tuple[tuple[str, str, str], ...]


def read(run: runs.Run) -> Request:
    """The request for a run as everything stands now."""
    course = course_of(run)
    if len(course) > LONGEST:
        near = {course[0].id, run.id, run.config.parent, *(one.id for one in course[3 - LONGEST:])}
        course = [one for one in course if one.id in near]
    return Request(run.id, tuple((one.id, one.state, _codes_key(one, run)) for one in course))


def _codes_key(one: runs.Run, run: runs.Run) -> str:
    """Only the examined run is looked at while it trains; of the others the state is enough."""
    if one.id != run.id and one.state in live.ACTIVE:
        return ""
    return f"{caching.run_key(one)} {caching.window_key(one)} {caching.data_key(one.config.dataset)}"


@caching.resource(64, "Examining the codes …")
def answer(request: Request) -> Consultation:
    """Everything that the page shows."""
    course = [runs.find(run_id) for run_id, _, _ in request.course]
    run = next(one for one in course if one.id == request.run_id)

    def diagnosis_of(one: runs.Run) -> Diagnosis | None:
        if one.id != run.id and one.state in live.ACTIVE:
            return None
        try:
            return diagnoses.of_run(one, state.load_catalogue(one.config.dataset), caching.window_key(one))
        except ValueError:
            if one.has_result() and one.id == run.id:
                raise  # its codes do not fit to the data: that has to be said
            return None

    return reports.consult(run, course, diagnosis_of)


@caching.resource(512)
def distinct_ids(run: runs.Run) -> tuple[int, int] | None:
    """Distinct IDs and items at the newest kept step, while a run trains; None before the first."""
    kept = run.snapshots()
    if not kept:
        return None
    found = metrics.collisions(run.snapshot(kept[-1])["codes"])
    return found.unique, found.n_items
