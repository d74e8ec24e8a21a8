"""Catalogue: histories, the leave-one-out split worked by hand, and the way through a folder."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiger.datasets.catalogue import Catalogue


def test_histories_and_counts(tiny):
    assert (tiny.n_items, tiny.n_users, tiny.n_interactions) == (6, 4, 14)
    assert tiny.history(0).tolist() == [0, 1, 2, 3]
    assert tiny.history(3).tolist() == [2, 0]
    for user in (-1, 4):
        with pytest.raises(IndexError, match=f"user {user} does not exist; this catalogue has users 0 to 3"):
            tiny.history(user)


def test_split_leaves_one_out(tiny):
    split = tiny.split()
    assert split.user_U.tolist() == [0, 1, 2]  # user 3 has two items
    assert split.valid_U.tolist() == [2, 0, 4]
    assert split.test_U.tolist() == [3, 1, 0]
    assert split.train_history(0).tolist() == [0, 1]
    assert split.train_history(3).tolist() == [2, 0]
    assert split.history_before(0, "valid").tolist() == [0, 1]
    assert split.history_before(0, "test").tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="user 3 has 2 items; leave-one-out needs at least 3"):
        split.history_before(3, "test")
    with pytest.raises(ValueError, match="part is 'train', but must be 'valid' or 'test'"):
        split.history_before(0, "train")


@given(st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=20))
def test_split_puts_every_history_back_together(histories):
    items = pd.DataFrame({column: [str(n) for n in range(10)] for column in ("item_id", "title", "text", "category")})
    indptr_U1 = np.cumsum([0, *map(len, histories)]).astype(np.int64)
    flat = np.array([item for history in histories for item in history], np.int64)
    cat = Catalogue("x", items, indptr_U1, flat, [str(n) for n in range(len(histories))], np.zeros((10, 2), np.float32))
    split = cat.split()
    assert split.user_U.tolist() == [user for user, history in enumerate(histories) if len(history) >= 3]
    for row, user in enumerate(split.user_U):
        whole = [*split.train_history(user), split.valid_U[row], split.test_U[row]]
        assert whole == histories[user]
        assert [*split.history_before(user, "test"), split.test_U[row]] == whole


def test_save_and_open_keep_everything(tiny, tmp_path):
    tiny.source, tiny.report = {"name": "tables", "params": {}}, {"n_users": 4}
    tiny.save(tmp_path / "kept")
    back = Catalogue.open(tmp_path / "kept")
    pd.testing.assert_frame_equal(back.items, tiny.items)
    assert (back.name, back.user_ids, back.source, back.report) == ("Tiny", list("abcd"), tiny.source, tiny.report)
    assert back.history_items.dtype == np.int64 and back.embedding_IE.dtype == np.float32
    np.testing.assert_array_equal(back.history_items, tiny.history_items)
    np.testing.assert_array_equal(back.indptr_U1, tiny.indptr_U1)
    np.testing.assert_array_equal(back.embedding_IE, tiny.embedding_IE)
