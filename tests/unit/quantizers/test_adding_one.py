"""A product quantizer that somebody adds: registered at run time, and driven through run, pages, doctor and drift."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from tests.support.cli import ask
from tests.support.pages import TRAIN_FORM, open_page, unfold
from tests.support.training import config, keep_process, write_shop
from tiger import datasets, quantizers, reports, runs
from tiger.core import params
from tiger.core.learner import LiveParams
from tiger.core.params import param
from tiger.core.progress import Progress
from tiger.quantizers import kmeans
from tiger.quantizers.base import Quantizer, check_codes, check_embeddings, check_fitted
from tiger.reports.walk import INDEPENDENT, item_walk
from tiger.runs import study_artifacts, worker
from tiger.studies.drift import Baseline, Comparison, DriftParams
from tiger.ui.shared import pagelist

pytestmark = pytest.mark.thorough

SIZES = [7, 5, 3]


@dataclass
class ToyProduct(Quantizer):
    """k-means of each third of the embedding."""

    name: ClassVar[str] = "toy_product"
    title: ClassVar[str] = "Toy product quantizer"
    summary: ClassVar[str] = "Cuts the embedding into parts and clusters each."
    residual: ClassVar[bool] = False
    level_summary: ClassVar[str] = "Each level codes its own part of the embedding."

    n_rounds: int = param(8, "Rounds of k-means.", low=1, high=100)

    def fit_steps(self, emb_IE: np.ndarray, *, state: dict[str, Any] | None = None,
                  live_params: LiveParams | None = None) -> Iterator[Progress]:
        self.refuse_state(state)
        self.check_params()
        emb_IE = check_embeddings(emb_IE)
        self.books_ = [np.zeros((size, emb_IE.shape[1]), np.float32) for size in self.codes_per_level]
        for level, (size, part) in enumerate(zip(self.codes_per_level, self._parts(), strict=True)):
            self.books_[level][:, part] = kmeans.centres(emb_IE[:, part], size, self.seed + level, self.n_rounds)
            loss = float(np.square(emb_IE - self.decode(self.encode(emb_IE))).sum(1).mean())
            yield Progress("k-means", level + 1, self.n_levels, {"loss": loss})

    def _books(self) -> list[np.ndarray]:
        check_fitted(self, "books_")
        return self.books_

    def _parts(self) -> list[np.ndarray]:
        return np.array_split(np.arange(self._books()[0].shape[1]), self.n_levels)

    def encode(self, emb_NE: np.ndarray, batch_size: int = 8192) -> np.ndarray:
        emb_NE = check_embeddings(emb_NE, self._books()[0].shape[1])
        return np.stack([np.square(emb_NE[:, None, part] - book_KE[:, part]).sum(2).argmin(1)
                         for book_KE, part in zip(self._books(), self._parts(), strict=True)], 1)

    def decode(self, codes_NL: np.ndarray) -> np.ndarray:
        codes_NL = check_codes(codes_NL, self.codes_per_level)
        return sum(book_KE[codes_NL[:, level]] for level, book_KE in enumerate(self._books()))

    def latent(self, emb_NE: np.ndarray) -> np.ndarray:
        return check_embeddings(emb_NE, self._books()[0].shape[1])

    def codebooks(self) -> list[np.ndarray]:
        return self._books()

    def tensors(self) -> dict[str, torch.Tensor]:
        return {f"codebook.{level}": torch.from_numpy(book_KE) for level, book_KE in enumerate(self._books())}

    def load_tensors(self, tensors: dict[str, torch.Tensor]) -> None:
        self.books_ = [tensors[f"codebook.{level}"].numpy() for level in range(self.n_levels)]


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """All that makes it known to the lab."""
    monkeypatch.setitem(quantizers.REGISTRY, "toy_product", ToyProduct)


@pytest.fixture
def run(tiger_home, tmp_path, monkeypatch):
    """Trained by the worker's own code, in this process."""
    monkeypatch.setenv("TIGER_THREADS", "1")
    keep_process(monkeypatch)
    made = runs.new_run(config(write_shop(tmp_path / "shop", 150), "toy_product", n_codes=SIZES))
    assert worker.execute(made) == 0, made.log()
    return made


def test_a_run_trains_saves_and_loads_it(run):
    cat = datasets.load_ref(run.config.dataset)
    codes_IL, parts = run.codes(), np.array_split(np.arange(cat.embedding_IE.shape[1]), 3)
    assert (codes_IL.max(0) + 1).tolist() == SIZES and run.codes_per_level() == SIZES
    for level, part in enumerate(parts):  # each code stands for the mean of its items, in its own part
        mean = cat.embedding_IE[codes_IL[:, level] == 1][:, part].mean(0)
        assert run.quantizer().codebooks()[level][1, part] == pytest.approx(mean, abs=2e-2)
    losses = [event["loss"] for event in run.events()[0] if "loss" in event]
    assert losses == sorted(losses, reverse=True) and len(losses) == 3


def test_the_pages_show_it(run):
    for key in ("home", "train", "codebooks", "tree", "map", "doctor"):
        app = open_page(pagelist.BY_KEY[key], run=run.id)
        assert not app.exception and not app.error, key
        said = " ".join(block.value for block in [*app.caption, *app.markdown])
        assert key != "tree" or "level 1 is no coarser than the others" in said
    app = unfold(open_page(pagelist.BY_KEY["train"], run=run.id), *TRAIN_FORM)
    app.radio(key="presets:False").set_value("toy_product").run()
    assert not app.error and ToyProduct.summary in [caption.value for caption in app.caption]
    assert "train toy_product" in app.code[0].value and any(box.label == "Rounds" for box in app.number_input)


def test_its_walk_and_its_diagnosis_know_that_codes_have_no_order(run):
    cat = datasets.load_ref(run.config.dataset)
    found = item_walk(reports.codes.codes_at(run, cat), run.quantizer(), 4)
    assert found.walk.about == f"{ToyProduct.level_summary} {INDEPENDENT}"
    assert found.walk.levels["code"].tolist() == run.codes()[4].tolist()
    signs = reports.diagnose(run, cat).signs
    assert not signs.ordered and signs.n_codes == SIZES and len(signs.neighbours) == 3


def test_drift_refits_it_and_refuses_by_name_what_needs_fine_tuning(run):
    cat = datasets.load_ref(run.config.dataset)
    asked = study_artifacts.request("drift", run.config.dataset, run.id, {"strengths": "0", "remedies": "1, 2, 4, 5, 7",
                                                                        "reader": False})
    study = runs.new_run(asked)
    assert worker.execute(study) == 0, study.log()
    rows = study_artifacts.rows(study)
    assert [(row.remedy, row.changed) for row in rows] == [(number, 0.0) for number in (1, 2, 4, 5, 7)]
    before = Baseline(run.quantizer(), run.codes(), cat.embedding_IE)
    for remedy in (3, 6):
        with pytest.raises(ValueError, match=f"Toy product quantizer cannot be fine-tuned, which remedy {remedy} .* choose"):
            next(Comparison(cat, before, params.build(DriftParams, {"strengths": "1", "remedies": str(remedy)}), None).steps())


def test_the_command_line_knows_it(capsys):
    code, _, err = ask(capsys, "train", "toy_product", "--n-codes", "7,5", "--n-rounds", "0")
    assert code and "n_rounds is 0, but must be between 1 and 100" in err
