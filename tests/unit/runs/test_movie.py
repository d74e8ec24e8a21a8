"""The moving picture: its frames agree with the quantizer, it survives a resume, and a torn file shows what is whole."""

import numpy as np
import pytest

from tests.support.training import SMALL, clusters
from tiger import quantizers, runs
from tiger.datasets import registry
from tiger.runs import artifacts, movie
from tiger.runs.records import LearnerConfig, RunConfig


@pytest.fixture
def run(tiger_home):
    return runs.new_run(RunConfig("quantizer", registry.bundled().ref, quantizer=LearnerConfig("rqvae", SMALL)))


@pytest.fixture(scope="module")
def emb_IE():
    return clusters(320)


def film(run, emb_IE, n_steps: int = 30):
    """Film a training; also returns the quantizer as it was at each frame's step."""
    q = quantizers.create("rqvae", **SMALL | {"n_steps": n_steps, "n_codes": [16, 8, 8]})
    camera, seen = movie.Camera(run, q, emb_IE), {}
    for progress in q.fit_steps(emb_IE):
        if camera.due(progress.step, progress.n_steps):
            camera.take(progress.step)
            seen[progress.step] = q.latent(emb_IE), q.codebooks()[0], [count_K.copy() for count_K in q.window_counts()]
    return seen


def test_frames_are_latents_codes_and_counts_on_one_plane(run, emb_IE):
    seen = film(run, emb_IE)
    found = movie.read(run)
    assert found.step_F.tolist() == list(seen) and found.n_codes == [16, 8, 8]
    first_IZ = seen[0][0][found.item_N]
    _, _, axes = np.linalg.svd(first_IZ - first_IZ.mean(0), full_matrices=False)  # the plane of all frames
    for frame in (0, 7, len(seen) - 1):
        latent_IZ, book_KZ, counts = seen[int(found.step_F[frame])]
        z_NZ = latent_IZ[found.item_N]
        np.testing.assert_allclose(np.abs(found.place_FN2[frame]), np.abs((z_NZ - first_IZ.mean(0)) @ axes[:2].T), atol=1e-4)
        distance_NK = np.square(z_NZ[:, None] - book_KZ[None]).sum(2)
        np.testing.assert_allclose(distance_NK[np.arange(len(z_NZ)), found.code_FN[frame]], distance_NK.min(1), rtol=1e-4)
        assert found.count_FC[frame].tolist() == np.concatenate(counts).tolist()


def test_a_window_counts_every_item_once(run, emb_IE):
    film(run, emb_IE, n_steps=30)  # an epoch is five steps of 64
    found = movie.read(run)
    whole = found.count_FC[found.step_F == 30][0]
    assert [whole[:16].sum(), whole[16:24].sum(), whole[24:].sum()] == [320] * 3


def test_new_frames_are_read_from_a_number_on_and_a_torn_one_waits(run, emb_IE):
    film(run, emb_IE)
    whole = movie.read(run)
    assert movie.read(run, 4).step_F.tolist() == whole.step_F[4:].tolist()
    with (run.path / movie.FRAMES).open("ab") as file:
        file.write(b"half a frame")
    assert movie.read(run).step_F.tolist() == whole.step_F.tolist()


def test_a_resumed_run_forgets_the_frames_after_its_checkpoint(run, emb_IE):
    film(run, emb_IE)
    artifacts.clear(run, 8)
    assert movie.read(run).step_F.tolist() == list(range(9))
    artifacts.clear(run, -1)
    assert movie.read(run) is None


def test_filming_changes_no_code(run, emb_IE):
    film(run, emb_IE)
    q = quantizers.create("rqvae", **SMALL | {"n_steps": 30, "n_codes": [16, 8, 8]})
    filmed = quantizers.create("rqvae", **SMALL | {"n_steps": 30, "n_codes": [16, 8, 8]})
    camera = movie.Camera(run, filmed, emb_IE)
    for progress in filmed.fit_steps(emb_IE):
        camera.take(progress.step)
    assert (q.fit(emb_IE).encode(emb_IE) == filmed.encode(emb_IE)).all()


@pytest.mark.parametrize("name", ["rkmeans", "lsh", "fsq", "random_codes"])
def test_what_has_no_moving_codebook_has_no_movie(name):
    assert not movie.can_film(quantizers.create(name))


def test_a_spoilt_description_hides_the_movie(run, emb_IE):
    film(run, emb_IE)
    (run.path / movie.ABOUT).write_text('{"items": 7}')
    assert movie.read(run) is None
