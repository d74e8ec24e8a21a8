"""The encoder-decoder with the weights of a T5: Hugging Face finds the same IDs and reports the same attentions."""

import numpy as np
import pytest
import torch

from tests.support import tiny_models as tiny
from tests.support.oracles import Later
from tiger import models
from tiger.analysis import attribution

transformers = Later("transformers")


def test_free_search_equals_hugging_face_generate_on_the_same_weights():
    values = tiny.values("encoder_decoder") | {"n_layers": 2, "n_epochs": 1}
    model = models.create("encoder_decoder", **values)
    model.fit(tiny.catalogue(8), tiny.semantic_ids())
    net, sizes = model.net_, [4, 3, 4]
    config = transformers.T5Config(
        vocab_size=12, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, dropout_rate=0.0,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=None, tie_word_embeddings=True)
    torch.manual_seed(3)
    theirs = transformers.T5ForConditionalGeneration(config).eval()
    with torch.no_grad():
        for weight in theirs.parameters():
            weight.normal_(std=0.3)
    net.copy_t5(theirs.state_dict())
    rows = [np.array([3, 4, 5, 6]), np.array([9, 8, 20, 1])]
    tokens = torch.stack([net.tokens_IM[row].flatten() for row in rows])
    level_tokens = [list(range(first, first + size)) for first, size in zip(net.first, sizes, strict=True)]
    made = theirs.generate(
        tokens, num_beams=6, num_return_sequences=6, max_new_tokens=3, do_sample=False, length_penalty=0.0,
        prefix_allowed_tokens_fn=lambda _, sent: level_tokens[len(sent) - 1], renormalize_logits=True,
        output_scores=True, return_dict_in_generate=True)
    found = model.search(rows, width=6, constrained=False)
    want = made.sequences[:, 1:].view(2, 6, 3) - torch.tensor(net.first)
    assert found.ids_BWM.tolist() == want.tolist()
    torch.testing.assert_close(found.logp_BW, made.sequences_scores.view(2, 6), atol=1e-4, rtol=0)


@pytest.mark.thorough
def test_attention_equals_what_hugging_face_reports_for_the_same_weights():
    model = models.create("encoder_decoder", **tiny.values("encoder_decoder") | {"n_layers": 2, "n_epochs": 1})
    model.fit(tiny.catalogue(8), tiny.semantic_ids())
    config = transformers.T5Config(vocab_size=12, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
                                   dropout_rate=0.0, decoder_start_token_id=0, pad_token_id=0, eos_token_id=None)
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    theirs = transformers.T5ForConditionalGeneration(config).eval()
    model.net_.copy_t5(theirs.state_dict())
    tokens = model.net_.tokens_IM[torch.tensor([3, 4, 5, 6])].flatten()[None]
    codes_M = np.array([1, 2, 3])
    goal = torch.tensor([[0, *(codes_M + model.net_.first)[:2]]])
    with torch.inference_mode():
        out = theirs(input_ids=tokens, decoder_input_ids=goal, output_attentions=True)
    rolled = torch.eye(12)
    for weight in out.encoder_attentions:
        rolled = 0.5 * (weight[0].mean(0) + torch.eye(12)) @ rolled
    want = torch.stack([weight[0].mean(0) for weight in out.cross_attentions]).mean(0) @ rolled
    got = attribution.attention(model, np.array([3, 4, 5, 6]), codes_M)
    np.testing.assert_allclose(got, want.view(3, 4, 3).sum(2).numpy(), atol=1e-4)
