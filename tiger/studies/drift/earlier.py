"""What was in use when only the first part of the interactions was known: the start of a refit after more of them."""

from collections.abc import Iterator

from tiger import quantizers
from tiger.core import params
from tiger.core.progress import Progress
from tiger.datasets.catalogue import Catalogue
from tiger.studies.drift.baseline import Known, threads
from tiger.studies.drift.versions import refit

EARLIER = ("The old vectors were made anew from the first {share:.0%} of each user's training interactions, and the quantizer "
           "was trained on them with the settings of the run; the new vectors know all training interactions. A recommender "
           "that is asked is a small one that learned these IDs, since no other has read them.")


def earlier(known: Known, cat: Catalogue, share: float) -> Iterator[Progress]:
    """Vectors made anew from the first interactions, and a quantizer trained on them with the settings of the one in use.

    The last Progress carries the new ``Known`` as ``metrics["known"]``.

    Args:
        share: of each user's training interactions, the first ones.
    """
    emb_IE = refit(cat, "history", share=share).emb_IE
    made = quantizers.create(known.quantizer.name, **params.values(known.quantizer))
    with threads(known.n_threads):
        for progress in made.fit_steps(emb_IE):
            yield Progress("training on the first interactions", progress.step, progress.n_steps)
        codes_IL = made.encode(emb_IE)
    yield Progress("codes", 1, 1, {"known": Known(made, codes_IL, emb_IE, known.n_threads)})
