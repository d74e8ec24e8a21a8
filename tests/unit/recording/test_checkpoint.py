"""Codebooks and vectors without the code that trained them: the codes are those of the package that did."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.support import recording
from tests.support.cli import ask
from tests.support.oracles import Later
from tiger import datasets, reports, runs
from tiger.datasets import registry
from tiger.recording import checkpoint

vqp = Later("vector_quantize_pytorch")

DIM = 6


@pytest.fixture(autouse=True)
def _workspace(tiger_home):
    pass


def trained(**more) -> tuple[torch.nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    x = torch.randn(50, DIM)
    module = vqp.ResidualVQ(dim=DIM, num_quantizers=3, codebook_size=8, kmeans_init=True, **more)
    for _ in range(3):
        module(x[None])
    return module.eval(), x


@pytest.mark.parametrize("distance", checkpoint.DISTANCES)
def test_the_codes_are_those_of_the_package_that_trained(distance, monkeypatch):
    monkeypatch.setattr(checkpoint, "BLOCK_CELLS", 8 * 7)  # several blocks
    module, x = trained(use_cosine_sim=distance == "cosine")
    found = checkpoint.nearest_codes(x.numpy(), list(module.codebooks.numpy()), distance)
    quantised, codes, _ = module(x[None])
    assert np.array_equal(found.codes_IL, codes[0].numpy())
    assert found.error_IM[:, -1] == pytest.approx(((x - quantised[0]) ** 2).sum(1).detach().numpy(), rel=1e-3, abs=1e-5)


def test_a_whole_state_dict_gives_its_codebooks_in_order(tmp_path):
    module = vqp.ResidualVQ(dim=DIM, num_quantizers=12, codebook_size=8)
    held = {f"model.{name}": value.clone() for name, value in module.state_dict().items() if value.ndim}
    save_file(held, tmp_path / "m.safetensors")
    books = checkpoint.read_codebooks(tmp_path / "m.safetensors")
    assert np.array_equal(np.stack(books), module.codebooks.numpy())  # level 10 comes after level 9


@pytest.mark.parametrize("write", [
    lambda path, books: np.save(path / "b.npy", np.stack(books)), lambda path, books: np.savez(path / "b.npz", *books),
    lambda path, books: np.savez(path / "b.npz", codebook_0=books[0], codebook_1=books[1], codebook_2=books[2], other=np.ones(3)),
    lambda path, books: save_file({"vq": torch.from_numpy(np.stack(books)).bfloat16()}, path / "b.safetensors")])
def test_codebooks_come_in_one_array_or_several(tmp_path, write):
    books = [np.random.default_rng(level).integers(-4, 4, (8, DIM)).astype(np.float32) for level in range(3)]
    write(tmp_path, books)
    found = checkpoint.read_codebooks(next(tmp_path.glob("b.*")))
    assert np.array_equal(np.stack(found), np.stack(books))


@pytest.mark.parametrize(("arrays", "names", "message"), [
    ({"weight": np.ones((4, 3)), "bias": np.ones((2, 5))}, (), r"which of the 2 tensors in m.npz are the code.* weight 4x3"),
    ({"codebook_0": np.ones((4, 3)), "codebook_1": np.ones((4, 5))}, (), "which of the 2 tensors"),
    ({"weight": np.ones((4, 3))}, ("book",), "holds no tensor 'book', only weight"),
    ({"weight": np.full((4, 3), np.nan)}, (), "holds NaN or infinity"),
    ({"weight": np.ones(4)}, (), r"is float64 of shape \(4,\), but codebooks are floats")])
def test_what_is_no_codebook_is_said(tmp_path, arrays, names, message):
    np.savez(tmp_path / "m.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        checkpoint.read_codebooks(tmp_path / "m.npz", names)


@pytest.mark.parametrize(("name", "content", "message"), [
    ("m.pt", b"x", r"must be .npy, .npz or .safetensors; write them with numpy.save"),
    ("m.npz", b"PK spoilt", "m.npz cannot be read"),
    ("m.safetensors", b"12345678{", "m.safetensors cannot be read"), ("m.npy", b"\x93NUMPY", "m.npy cannot be read")])
def test_spoilt_files_are_one_sentence(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        checkpoint.read_codebooks(tmp_path / name)


def test_widths_must_agree():
    with pytest.raises(ValueError, match="the codebooks are 3 wide and the vectors 4; give what the codebooks quantise"):
        checkpoint.nearest_codes(np.ones((2, 4), np.float32), [np.ones((5, 3), np.float32)])


def test_a_checkpoint_becomes_a_run_that_every_page_knows(tmp_path):
    module, x = trained()
    np.save(tmp_path / "x.npy", x.numpy())
    cat = datasets.load_ref(registry.vectors_alone(str(tmp_path / "x.npy")))
    run = checkpoint.keep(list(module.codebooks.numpy()), cat, title="theirs", curves=[{"step": 5, "t_s": 0.0, "loss": 2.0}])
    assert run.state == "finished" and run.status.step == 5 and run.events()[0][0]["loss"] == 2.0
    assert np.array_equal(run.codes(), module(x[None])[1][0].numpy()) and run.recon_error().shape == (50, 4)
    found = reports.diagnose(run, cat)
    left = ((x - module(x[None])[0][0]) ** 2).sum().item()
    assert found.signs.explained == pytest.approx(1 - left / ((x - x.mean(0)) ** 2).sum().item(), rel=1e-4)
    assert not any("Explained" in line for line in found.unseen)


def test_the_command_reads_examines_and_keeps(tmp_path, capsys):
    module, x = trained()
    np.save(tmp_path / "x.npy", x.numpy())
    (tmp_path / "ids.txt").write_text("\n".join(f"id{number}" for number in range(50)))
    np.save(tmp_path / "books.npy", module.codebooks.numpy())
    (tmp_path / "losses.csv").write_text("step,loss\n0,3.5\n10,2.5\n")
    code, said, _ = ask(capsys, "external", "read", f"{tmp_path}/books.npy", "--vectors", f"{tmp_path}/x.npy", "--ids",
                        f"{tmp_path}/ids.txt", "--library", "vector-quantize-pytorch", "--losses", f"{tmp_path}/losses.csv",
                        "--title", "theirs", "--json")
    assert code == 0
    run = runs.find(json.loads(said)["run"])
    assert run.title == "theirs" and [event["loss"] for event in run.events()[0]] == [3.5, 2.5]
    assert datasets.load_ref(run.config.dataset).items["item_id"].tolist()[1] == "id1"
    assert np.array_equal(run.codes(), module(x[None])[1][0].numpy())
    (tmp_path / "more.csv").write_text("step,lr\n5,0.1\n")
    _, said, _ = ask(capsys, "external", "curves", run.id, f"{tmp_path}/more.csv")
    assert "1 curve of 1 step joined" in said and [event["step"] for event in run.events()[0]] == [0, 5, 10]


def test_curves_join_ended_recordings_only():
    from tiger.recording.curves import join
    rec = recording.recorder()
    rec.log(0, losses={"loss": 1.0})
    with pytest.raises(ValueError, match="is still being recorded"):
        join(rec.run, [{"step": 1, "other": 2.0}])
    rec.close()
    assert join(runs.find(rec.run.id), [{"step": 1, "other": 2.0}]) == 1
    with pytest.raises(ValueError, match="is not recorded elsewhere"):
        join(runs.find("demo-rqvae"), [])


def test_npz_members_that_unpack_to_too_much_are_refused_unread(tmp_path, monkeypatch):
    np.savez(tmp_path / "m.npz", codebooks=np.ones((2, 8, 6), np.float32))
    monkeypatch.setattr(checkpoint, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match=r"m.npz cannot be read \(its array 'codebooks.npy' unpacks to"):
        checkpoint.read_codebooks(tmp_path / "m.npz")


def test_an_items_way_through_the_recorded_codebooks_adds_up(tmp_path):
    from tiger.reports.codes import codes_at
    from tiger.reports.walk import item_walk, recorded_trace
    module, x = trained()
    np.save(tmp_path / "x.npy", x.numpy())
    cat = datasets.load_ref(registry.vectors_alone(str(tmp_path / "x.npy")))
    run = checkpoint.keep(list(module.codebooks.numpy()), cat)
    codes = codes_at(run, cat)
    trace = recorded_trace(codes, 7)
    quantised = module(x[None])[0][0, 7].detach().numpy()
    assert trace["recon"][0] == pytest.approx(quantised, abs=1e-5)
    assert trace["residual"][0, -1] == pytest.approx(x[7].numpy() - quantised, abs=1e-5)
    assert trace["error"][0] == pytest.approx(run.recon_error()[7], abs=1e-4)
    walk = item_walk(codes, None, 7)
    assert walk.walk is not None and walk.reconstruction and len(walk.walk.levels) == 3
