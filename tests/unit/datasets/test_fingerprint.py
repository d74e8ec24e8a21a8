"""What tells two catalogues apart: ids, vectors and histories, each by itself, in whatever order they come."""

from dataclasses import replace

import numpy as np
import pytest

from tiger.datasets.fingerprint import Fingerprint

ORDER = np.array([3, 0, 5, 1, 4, 2])  # item n of the shuffled catalogue was item ORDER[n]


def shuffled(cat):
    """The same items in another order, worked out by hand: row by row, history by history."""
    place = {old: new for new, old in enumerate(ORDER.tolist())}
    return replace(cat, items=cat.items.iloc[ORDER].reset_index(drop=True), embedding_IE=cat.embedding_IE[ORDER],
                   history_items=np.array([place[item] for item in cat.history_items.tolist()]))


def test_the_same_catalogue_has_no_changes(tiny):
    found = Fingerprint.of(tiny).changes_to(Fingerprint.of(replace(tiny)))
    assert not found.any and found.summary() == ""


def test_shuffled_rows_are_the_same_items_vectors_and_histories_under_other_numbers(tiny):
    found = tiny.content.changes_to(shuffled(tiny).content)
    assert found.same_items and found.was_I.tolist() == ORDER.tolist()
    assert not found.n_vectors and not found.histories
    assert found.summary() == "the items are in another order"


def test_a_reordered_catalogue_is_the_former_one(tiny):
    back = shuffled(tiny).reordered(ORDER)
    assert back.items["item_id"].tolist() == tiny.items["item_id"].tolist()
    assert [back.history(user).tolist() for user in range(4)] == [tiny.history(user).tolist() for user in range(4)]
    np.testing.assert_array_equal(back.embedding_IE, tiny.embedding_IE)
    assert back.content.digest == tiny.content.digest != shuffled(tiny).content.digest


def test_users_in_another_order_are_no_change(tiny):
    histories = [tiny.history(user) for user in (2, 0, 3, 1)]
    other = replace(tiny, user_ids=["c", "a", "d", "b"], history_items=np.concatenate(histories),
                    indptr_U1=np.cumsum([0, *map(len, histories)]))
    assert not tiny.content.changes_to(other.content).any


def test_one_interaction_more_changes_the_histories_alone(tiny):
    other = replace(tiny, history_items=np.append(tiny.history_items, 5), indptr_U1=np.add(tiny.indptr_U1, [0, 0, 0, 0, 1]))
    found = tiny.content.changes_to(other.content)
    assert (found.same_items, found.was_I, found.n_vectors, found.histories) == (True, None, 0, True)
    assert found.summary() == "the histories differ" and found.summary(histories=False) == ""


@pytest.mark.parametrize(("factor", "n"), [(1 + 1e-6, 0), (1.01, 1)])
def test_rounding_is_no_change_of_a_vector_and_a_hundredth_is(tiny, factor, n):
    emb_IE = tiny.embedding_IE.copy()
    emb_IE[1] *= np.float32(factor)
    assert tiny.content.changes_to(replace(tiny, embedding_IE=emb_IE).content).n_vectors == n


def test_a_turned_space_changes_every_vector(tiny):
    found = tiny.content.changes_to(replace(tiny, embedding_IE=tiny.embedding_IE[:, [1, 2, 0]]).content)
    assert found.n_vectors == 6 and "6 of 6 items have another embedding" in found.summary()
    assert tiny.content.changes_to(replace(tiny, embedding_IE=tiny.embedding_IE[:, :2]).content).n_vectors == 6


def test_new_and_gone_items_are_counted(tiny):
    items = tiny.items.assign(item_id=["c1", "c2", "c9", "s1", "s8", "s7"])
    found = tiny.content.changes_to(replace(tiny, items=items).content)
    assert not found.same_items and (found.n_new, found.n_gone) == (3, 3) and found.was_I is None
    assert "3 items are new, 3 items are gone" in found.summary()


def test_a_fingerprint_survives_its_file(tiny):
    tensors, about = tiny.content.tensors()
    assert Fingerprint.from_tensors(tensors, about).digest == tiny.content.digest
    for broken in (tensors | {"item": tensors["item"][:4]}, {"item": tensors["item"]}, tensors | {"item": tensors["item"] * 1.0}):
        with pytest.raises(ValueError, match="no fingerprint"):
            Fingerprint.from_tensors(broken, about)
