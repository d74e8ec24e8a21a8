"""The plain callback, and Lightning's on the real package."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.support import recording
from tests.support.oracles import Later
from tiger import runs
from tiger.recording import lightning as adapter
from tiger.recording.callback import StepCallback

pytestmark = pytest.mark.thorough

vqp, lightning = Later("vector_quantize_pytorch"), Later("lightning.pytorch")


@pytest.fixture(autouse=True)
def _workspace(tiger_home):
    pass


def test_only_due_steps_are_computed_and_recorded():
    rec, asked = recording.recorder(), []
    on_step = StepCallback(rec, every=4)
    for step in range(10):
        on_step(step, codes=lambda step=step: asked.append(step) or recording.batch(step)[0], rows=recording.batch(step)[1],
                losses=lambda: {"loss": torch.tensor(2.5)})
    assert asked == [0, 4, 8]
    events = runs.find(rec.run.id).events()[0]
    assert [event["step"] for event in events] == [0, 4, 8] and events[0]["loss"] == 2.5
    with pytest.raises(ValueError, match="every is 0, but must be at least 1"):
        StepCallback(rec, 0)


def quantised(fail_at: int = -1):
    """An autoencoder around a residual quantizer, whose training fails at one batch."""

    class Quantised(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.encoder, self.decoder = nn.Linear(12, 4), nn.Linear(4, 12)
            self.rvq = vqp.ResidualVQ(dim=4, num_quantizers=2, codebook_size=8)

        def training_step(self, batch, number):
            x, _ = batch
            if number == fail_at:
                raise RuntimeError("out of memory")
            quantised, codes, loss = self.rvq(self.encoder(x)[None])
            loss = loss.sum() + nn.functional.mse_loss(self.decoder(quantised[0]), x)
            self.log("commit_loss", loss.detach() / 2)
            return {"loss": loss, "codes": codes[0]}

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=2e-3)

    return Quantised()


def fit(module, callback):
    data = TensorDataset(torch.from_numpy(recording.vectors()), torch.arange(90))
    trainer = lightning.Trainer(max_epochs=4, callbacks=[callback], accelerator="cpu", logger=False, enable_checkpointing=False,
                                enable_progress_bar=False, enable_model_summary=False)
    trainer.fit(module, DataLoader(data, batch_size=30, shuffle=True))
    return module


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("how", ["codes", "quantizer"])
def test_a_fit_of_lightning_is_recorded(how):
    more = {"codes": {"codes": lambda module, batch, outputs: outputs["codes"], "n_codes": [8, 8],
                      "codebooks": lambda module: module.rvq.codebooks},
            "quantizer": {"quantizer": lambda module: module.rvq}}[how]
    callback = adapter.lightning_callback("fit", embeddings=recording.vectors(), rows=lambda batch: batch[1], every=3, **more,
                                          all_codes=lambda module: module.eval().rvq(module.encoder(torch.from_numpy(
                                              recording.vectors()))[None])[1][0])
    module = fit(quantised(), callback)
    run = runs.list_runs()[0]
    events = run.events()[0]
    assert run.state == "finished" and run.title == "fit" and run.status.n_steps == 12
    assert [event["step"] for event in events] == [0, 3, 6, 9]
    assert events[-1]["learning_rate"] == 2e-3 and {"loss", "commit_loss"} <= set(events[-1])
    assert np.array_equal(run.codes(), module.rvq(module.encoder(torch.from_numpy(recording.vectors()))[None])[1][0].numpy())
    assert len(run.recorded_codebooks()) == 2


@pytest.mark.filterwarnings("ignore")
def test_a_fit_that_fails_is_a_run_that_failed():
    callback = adapter.lightning_callback("fit", embeddings=recording.vectors(), quantizer=lambda module: module.rvq, every=1)
    with pytest.raises(RuntimeError, match="out of memory"):
        fit(quantised(fail_at=1), callback)
    status = runs.list_runs()[0].status
    assert status.state == "failed" and "RuntimeError: out of memory" in status.message


def test_it_asks_for_one_way_to_the_codes():
    with pytest.raises(ValueError, match=r"Name either codes=\.\.\. .* or quantizer="):
        adapter.lightning_callback("fit", embeddings=recording.vectors())
