"""Losses from TensorBoard's files, as torch writes them, and from tables of several tools."""

import numpy as np
import pytest

from tiger.recording.curves import read_curves


def curve(events, name):
    return [(event["step"], event[name]) for event in events if name in event]


def test_tensorboards_files_are_read_as_torch_writes_them(tmp_path):
    pytest.importorskip("tensorboard")
    from torch.utils.tensorboard import SummaryWriter
    with SummaryWriter(str(tmp_path / "run")) as writer:
        for step in range(0, 40, 10):
            writer.add_scalar("train/loss", 1 / (step + 1), step)
            writer.add_scalar("perplexity", 5.0, step)
        writer.add_scalar("train/loss", np.nan, 50)
    events = read_curves(tmp_path)
    steps, values = zip(*curve(events, "train_loss"), strict=True)
    assert steps == (0, 10, 20, 30) and values == pytest.approx([1, 1 / 11, 1 / 21, 1 / 31])
    assert curve(events, "logged_perplexity")[0] == (0, 5.0)


@pytest.mark.parametrize(("text", "name", "wanted"), [
    ("step,loss\n3,1.5\n1,2.5\n", "loss", [(1, 2.5), (3, 1.5)]),
    ("loss;val loss\n1.5;3\n2.5;\n", "val_loss", [(0, 3.0)]),
    ('"Step","run 7 - train/loss","run 7 - train/loss__MIN","run 7 - train/loss__MAX"\n"10","0.5","0.4","0.6"\n', "train_loss",
     [(10, 0.5)]),
    ("epoch,step,train_loss,valid_loss\n0,49,2.0,\n0,49,,3.0\n", "valid_loss", [(49, 3.0)]),
    ("epoch\tloss\tnote\n1\t2.0\tgood\n2\tnan\tbad\n", "loss", [(1, 2.0)])])
def test_tables_of_several_tools_are_read(tmp_path, text, name, wanted):
    path = tmp_path / ("l.tsv" if "\t" in text else "l.csv")
    path.write_text(text)
    events = read_curves(path)
    assert curve(events, name) == wanted and not any(name.endswith(("min", "max", "note")) for event in events for name in event)


@pytest.mark.parametrize(("name", "text", "message"), [
    ("l.csv", "step,words\n1,good\n", "l.csv holds no curve"), ("l.txt", "x", "holds no TensorBoard event file"),
    (None, "", "does not exist; name a TensorBoard file or folder")])
def test_what_holds_no_curve_is_one_sentence(tmp_path, name, text, message):
    pytest.importorskip("tensorboard")
    if name:
        (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_curves(tmp_path / (name or "nowhere"))
