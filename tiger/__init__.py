"""TIGER Lab's core: generative retrieval with semantic IDs, small enough to read.

Words (one per thing, everywhere)
    item         something that can be recommended; items are numbered 0..I-1 inside a catalogue
    user         has a *history*: the items the user interacted with, oldest first
    embedding    the float32 vector of an item's content
    latent       the vector that a quantizer assigns codes to
    code         one integer at one level, 0..K-1
    level        a position in the semantic ID; level 1 is the coarsest (arrays index it as 0)
    codebook     the K vectors of one level
    residual     what the codes of the earlier levels leave of a latent vector
    semantic ID  the tuple of codes of one item; made unique by a collision level where needed
    token        a code shifted by its level, so that levels never share a token
    prefix       the first codes of a semantic ID
    beam         a prefix that beam search keeps; the beam width is how many it keeps per level
    catalogue    items, histories, embeddings and splits together
    held-out     of an item: the ground truth of a user, which training does not see
    cold         of an item: without interactions in training
    quantizer    turns embeddings into codes
    recommender  ranks items for a history; a generative one generates semantic IDs
    run          one folder that one worker process fills
    preset       a named choice of learner and hyper-parameters
    remedy       a change of hyper-parameters against a codebook problem, or a way to update IDs after drift

Shape letters, at the end of tensor names (``emb_IE``, ``codes_IL``, ``logp_NK``)
    B batch   I items   U users   E embedding width   Z latent width   D model width
    L levels  K codes per level   M levels including the collision level   T history positions
    V vocabulary   W beams   N any rows   P prefixes   H hyperplanes   G attention heads
    R ranks of a top-k list   X a selection of rows   Y tiles of a table
``logp`` is only used for natural logarithms; ``n_`` counts; ``_ms`` and ``_s`` are units; a trailing
underscore marks what ``fit`` learned.

This file imports nothing that must be installed, so that ``python -m tiger`` can start on a bare Python. ``tiger.watch``
records a training that happens elsewhere; see ``tiger.recording``.
"""

import os
from typing import TYPE_CHECKING

from tiger.core import lazy

if TYPE_CHECKING:
    from tiger.recording.recorder import watch

# A torch thread that waits for the others shall soon sleep, not spin: where anything else wants the cores (a page, a
# second worker), spinning slows both twentyfold. But a sleeper wakes slowly, so it spins for some microseconds first.
# Read when torch is first imported, so it must be set here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "2000")

__all__ = ["watch"]
__getattr__ = lazy.names_from(__name__ + ".recording", {"recorder": tuple(__all__)})
__version__ = "0.1.0"
