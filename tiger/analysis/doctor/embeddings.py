"""Embeddings alone, before anything is trained: what will go wrong, and the one setting that prevents it."""

from dataclasses import dataclass

from tiger.analysis.doctor import causes, remedies, symptoms
from tiger.analysis.doctor.diagnosis import SEVERITIES, TITLES, Diagnosis, Remedy, Severity
from tiger.analysis.doctor.diseases import copies_sentence
from tiger.analysis.doctor.signs import Settings
from tiger.analysis.doctor.vectors import NEAR, VectorSigns
from tiger.core.words import counted


@dataclass(frozen=True)
class Finding:
    """One thing that is remarkable about embeddings.

    Args:
        key: a disease's key, or "near_copies", "zero_rows", "constant_columns".
        title: its name for people.
        severity: "good" says that it does no harm.
        sentence: the numbers, and what they were held against.
        remedy: the quantizer's setting that helps; None where there is none, or nothing needs help.
    """

    key: str
    title: str
    severity: Severity
    sentence: str
    remedy: Remedy | None = None


@dataclass(frozen=True)
class VectorReport:
    """What ``look_at`` found; everything that a page shows of a dataset's embeddings.

    Args:
        signs: the numbers.
        findings: most serious first.
        fix: the one setting of a quantizer that helps against all findings that a setting helps against; None
            where none is needed.
    """

    signs: VectorSigns
    findings: list[Finding]
    fix: Remedy | None

    @property
    def severity(self) -> Severity:
        """The worst finding's."""
        return max((finding.severity for finding in self.findings), key=SEVERITIES.index, default="good")

    @property
    def sample_note(self) -> str:
        """How many rows were measured, where those were not all; empty otherwise."""
        signs = self.signs
        return "" if signs.n_sampled + signs.n_bad >= signs.n_items else \
            f"Measured on an even sample of {signs.n_sampled:,} of {counted(signs.n_items, 'row')}; copies were counted on all."


def look_at(vectors: VectorSigns, learning_rate: float = symptoms.RATE_DEFAULT) -> VectorReport:
    """Judge embeddings for a quantizer that is trained on them as they are.

    Args:
        learning_rate: what the quantizer will be trained with.
    """
    found = [*_breaking(vectors, learning_rate), *_copies(vectors), *_remarkable(vectors)]
    found.sort(key=lambda finding: -SEVERITIES.index(finding.severity))
    wanted = [finding.remedy for finding in found if finding.remedy]
    fix = remedies.STANDARDISE if remedies.STANDARDISE in wanted else wanted[0] if wanted else None
    return VectorReport(vectors, found, fix)


def _finding(key: str, severity: Severity, sentence: str, remedy: Remedy | None = None, title: str = "") -> Finding:
    return Finding(key, title or TITLES[key], severity, sentence, remedy)


def _breaking(vectors: VectorSigns, learning_rate: float) -> list[Finding]:
    """What a default RQ-VAE fails on."""
    shape, found = vectors.raw, []
    if vectors.n_bad:
        found.append(_finding("not_finite", "critical", f"{vectors.n_bad:,} of {counted(vectors.n_items, 'row')} "
                                                        f"{'holds' if vectors.n_bad == 1 else 'hold'} NaN or infinity; "
                              "drop or fill them, nothing trains on them."))
    if shape.mean_share > symptoms.MEAN_SHARE and shape.spread > 0:
        found.append(_finding("dominant_mean", "serious", causes.mean_sentence(shape.mean_share, shape.spread),
                              remedies.CENTRE))
    if 0 < shape.spread < symptoms.SPREAD_PER_RATE * learning_rate:
        found.append(_finding("small_scale", "serious", f"The vectors lie {shape.spread:.2g} from their mean (root mean square); "
                              f"at a learning rate of {learning_rate:g} codes settle above "
                              f"{symptoms.SPREAD_PER_RATE * learning_rate:.2g}.", remedies.CENTRE))
    if shape.spread > symptoms.LARGE_SPREAD:
        found.append(_finding("large_scale", "serious", causes.large_sentence(shape.spread), remedies.CENTRE))
    if shape.widest > symptoms.WIDEST_COLUMN and vectors.width >= 8:
        found.append(_finding("dominant_column", "serious", causes.column_sentence(shape.widest), remedies.STANDARDISE))
    return found


def _copies(vectors: VectorSigns) -> list[Finding]:
    """Items that no quantizer can tell apart, and items that only a fine one can."""
    found = []
    n_copies = vectors.n_items - vectors.n_distinct
    if n_copies:
        severity: Severity = "good" if n_copies <= symptoms.COPIES * vectors.n_items else \
            "mild" if vectors.n_distinct > vectors.n_items / 2 else "serious"
        found.append(_finding("duplicates", severity, copies_sentence(vectors.n_distinct, vectors.n_items) + "."))
    if vectors.near_share > symptoms.NEAR_COPIES and vectors.raw.widest <= symptoms.WIDEST_COLUMN:  # else all are near
        found.append(_finding("near_copies", "mild", f"{vectors.near_share:.0%} of the items have a nearly equal neighbour, "
                              f"closer than {NEAR:.0%} of the spread; separating them takes many codes or levels.",
                              title="Near copies"))
    if vectors.n_zero:
        severity = "mild" if vectors.n_zero > symptoms.COPIES * vectors.n_sampled else "good"
        found.append(_finding("zero_rows", severity, f"{counted(vectors.n_zero, 'vector is', 'vectors are')} zero: the embedding "
                                                     "reads nothing from "
                              "these items, and they share one ID.", title="Zero vectors"))
    return found


def _remarkable(vectors: VectorSigns) -> list[Finding]:
    """What does no harm, but is good to know."""
    if not vectors.n_constant:
        return []
    return [_finding("constant_columns", "good", f"{vectors.n_constant:,} of {counted(vectors.width, 'column')} "
                                                 f"{'holds' if vectors.n_constant == 1 else 'hold'} the same number in "
                     "every row; they carry no information.", title="Constant columns")]


def without_codes(vectors: VectorSigns, settings: Settings) -> Diagnosis | None:
    """Why a run left no codes, where its embeddings explain it: numbers that are not finite, or too large to square."""
    offered: list[Remedy] = []
    if vectors.n_bad:
        key = "not_finite"
        why = "Every sum over such a row is not finite either, so quantizers refuse these embeddings. Drop or fill the rows."
    elif vectors.as_read(settings.normalise or "none").spread > symptoms.LARGE_SPREAD:
        key, offered = "large_scale", [remedies.CENTRE, remedies.STANDARDISE] if "normalise" in settings.names else []
        why = "Losses and distances overflow float32, so the run failed before it had codes."
    else:
        return None
    evidence = [finding.sentence for finding in look_at(vectors).findings if finding.key == key]
    return Diagnosis(key, "critical", evidence, why, offered, None)
