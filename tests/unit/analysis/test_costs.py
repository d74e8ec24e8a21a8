"""What a request costs: the formulas against torch's own count of a real request, and what is kept against real tensors."""

import math

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.support.oracles import oracle
from tiger import models
from tiger.analysis import costs
from tiger.analysis.costs import timing
from tiger.analysis.costs.formulas import CASCADE, EXACT, GENERATIVE, INDEX, PAIRS, id_bytes
from tiger.models import retrieval
from tiger.search.trie import Trie

TOLERANCE = 0.03  # norms, activations and the depth transformer's look at four codes are left out
N_ITEMS = 1000
PAPER = costs.shape_of("encoder_decoder", {}, [256] * 4)
SHAPES = {
    "rq_transformer": costs.shape_of("rq_transformer", {"prefix_vectors": False}, [256] * 4),
    "rq_transformer, other": costs.shape_of("rq_transformer", {"prefix_vectors": False, "width": 48, "n_depth_layers": 3,
                                                               "history_length": 9}, [64, 64, 64], beams=100),
    "the paper": PAPER,
    "the paper with users": costs.shape_of("encoder_decoder", {"n_user_tokens": 2000}, [256] * 4),
    "encoder_decoder, other": costs.shape_of("encoder_decoder", {"width": 100, "n_heads": 3, "head": 10, "ff": 77,
                                                                 "n_layers": 1, "history_length": 5}, [40] * 3, beams=50),
}


def requests(shape, n_items=N_ITEMS):
    rng = np.random.default_rng(0)
    return timing.requests(shape, n_items, [rng.integers(0, n_items, shape.history)], rng)


def counted(call) -> float:
    """Torch's count of the matrix products, attention's among them (only the plain kernel counts them on a CPU)."""
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        call()
    return float(counter.get_total_flops())


@pytest.mark.thorough
@pytest.mark.parametrize("name", SHAPES)
def test_a_generative_request_takes_what_torch_counts(name):
    shape = SHAPES[name]
    expected = counted(requests(shape)[GENERATIVE])
    assert costs.generative(shape, N_ITEMS)[1] == pytest.approx(expected, rel=TOLERANCE)


def test_the_papers_encoder_decoder_reads_code_by_code():
    assert PAPER.writer == "encoder_decoder" and (PAPER.inner, PAPER.tokens, PAPER.ff) == (384, 80, 1024)
    passes, flops = costs.generative(PAPER, 10)
    assert passes == 80 + 1 + 3 * 20 and 6e8 < flops < 8e8
    ratio = flops / costs.generative(SHAPES["rq_transformer"], 10)[1]
    assert 10 < ratio < 20, "reading and writing code by code is what it costs"


@pytest.mark.parametrize(("name", "given", "n_numbers"), [("sasrec", {}, 0), ("sasrec", {"width": 36, "n_heads": 3}, 0),
                                                          ("vector_regression", {}, 64)])
def test_the_other_kinds_take_what_torch_counts(name, given, n_numbers):
    shape = costs.shape_of(name, given, None, n_numbers)
    work = requests(shape)
    products = 2.0 * shape.n_numbers * N_ITEMS  # numpy's and cdist's, which torch does not count
    assert costs.vectors_exact(shape, N_ITEMS)[1] - products == pytest.approx(counted(work[EXACT]), rel=TOLERANCE)
    for kind, of in ((CASCADE, costs.cascade), (PAIRS, costs.pairs)):
        assert of(shape, N_ITEMS)[1] == pytest.approx(counted(work[kind]), rel=TOLERANCE), kind


def test_prefix_vectors_are_kept_and_scored_and_so_grow_with_the_catalogue():
    """Against the tables and the trie of a real network on random IDs, and the children that its search touches."""
    n_items, shape = 20_000, costs.shape_of("rq_transformer", {"width": 32}, [32] * 4)
    assert shape.prefixes
    rng = np.random.default_rng(1)
    number_I = rng.choice(32**4, n_items, replace=False)
    ids_IM = np.stack([number_I // 32**level % 32 for level in range(4)], 1)
    trie = Trie(ids_IM, [32] * 4)
    nodes = [trie.n_nodes(depth) for depth in range(1, 5)]
    np.testing.assert_allclose(costs.n_prefixes(shape, n_items), nodes, rtol=0.02)
    net = models.create("rq_transformer", width=32).build({"ids": torch.from_numpy(ids_IM), "n_codes": torch.tensor([32] * 4)})
    tables = sum(table.weight.nbytes for table in net.prefixes.tables)
    plain = costs.shape_of("rq_transformer", {"width": 32, "prefix_vectors": False}, [32] * 4)
    assert tables == 4 * 32 * sum(nodes[1:])
    assert id_bytes(shape, n_items) - id_bytes(plain, n_items) == pytest.approx(tables, rel=0.02)
    assert id_bytes(plain, n_items) == pytest.approx(net.ids_IM.nbytes + trie.nbytes, rel=0.05)
    more = costs.generative(shape, n_items)[1] - costs.generative(plain, n_items)[1]
    children = sum(20 * nodes[level] / nodes[level - 1] for level in (1, 2, 3))
    assert more == pytest.approx(2 * 32 * children, rel=0.02)


def test_the_words_do_not_deny_what_grows():
    plain, with_tables = (costs.cost_summary(costs.cost_frame(costs.shape_of("rq_transformer", {"prefix_vectors": kept})))
                          for kept in (False, True))
    assert "a generative request costs the same" in plain and "costs the same" not in with_tables
    assert "Memory grows for all: the generative model's from" in plain
    kept = costs.cost_frame(costs.Shape()).pivot_table(index="kind", columns="items", values="bytes")
    assert kept.loc[EXACT, 10**9] == 4 * 128 * 10**9
    assert (kept.diff(axis=1).iloc[:, 1:] > 0).all(axis=None), "something grows for every kind"
    assert [costs.size_summary(n) for n in (999, 1000, 4.1e10, 2e12, 3e15)] == ["999 B", "1 kB", "41 GB", "2 TB", "3,000 TB"]


def test_every_model_stands_in_a_row_but_popularity_and_what_combines_others():
    named = " ".join(kind.models for kind in costs.KINDS.values())
    assert {name for name in models.REGISTRY if name not in named} == {"popularity", "ensemble"}


@pytest.mark.parametrize("name", SHAPES)
def test_the_runs_own_architecture_is_timed(name, monkeypatch):
    made = []
    monkeypatch.setattr(models, "create", lambda name, of=models.create, **given: made.append((name, given)) or of(name, **given))
    requests(SHAPES[name], 200)
    assert made[0][0] == SHAPES[name].writer
    assert made[0][1]["width"] == SHAPES[name].width and made[0][1]["n_layers"] == SHAPES[name].n_layers


def test_the_index_is_timed_where_faiss_is_and_left_out_where_it_is_not(monkeypatch):
    oracle("faiss")
    shape = costs.Shape(width=16, n_layers=1)
    frame = costs.measure(shape, sizes=(400, 900), repeats=1)
    assert set(frame["kind"]) == set(costs.KINDS) and (frame["ms"] > 0).all()
    _, found = requests(shape, 400)[INDEX]()
    exact, _ = requests(shape, 400)[EXACT]()
    assert len(set(found[0]) & set(exact[0])) >= 3, "it looks into 8 of 20 lists"

    def missing():
        raise ValueError("faiss is not installed")
    monkeypatch.setattr(retrieval, "faiss", missing)
    assert set(costs.measure(shape, sizes=(400,), repeats=1)["kind"]) == set(costs.KINDS) - {INDEX}


def test_too_few_ids_for_a_size_leave_the_generative_row_out():
    shape = costs.Shape(width=16, n_layers=1, n_levels=2, n_codes=20)
    frame = costs.measure(shape, sizes=(300, 500), most_pairs=300, repeats=1)
    assert frame.loc[frame["kind"] == GENERATIVE, "items"].tolist() == [300]
    assert math.isnan(costs.cost_frame(shape)["ms"].iloc[0])
