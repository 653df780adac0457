"""Logits of answers alone give the loss and the gradients of all logits."""

import pytest
import torch

from earthmarker.presets import build
from earthmarker.training.answers import answers_only

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model():
    return build("tiny")[0]


def batch(model, learned):
    """Two rows of 12 tokens without an image; ``learned`` are positions of each row."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(3, 200, (2, 12), generator=generator)
    labels = torch.full_like(ids, -100)
    for row, places in enumerate(learned):
        labels[row, places] = ids[row, places]
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}


@pytest.mark.parametrize("learned", [([5, 6], [9, 10, 11]), ([1], [1]), ([11], [3, 4])])
@pytest.mark.parametrize("counted", [None, 7])
def test_loss_and_gradients_are_the_same(model, learned, counted):
    whole = batch(model, learned)
    more = {} if counted is None else {"num_items_in_batch": torch.tensor(counted)}
    gradients = []
    losses = []
    for given in (whole, answers_only(whole)):
        model.zero_grad()
        loss = model(**given, **more).loss
        loss.backward()
        losses.append(loss.item())
        gradients.append({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
    assert losses[0] > 0
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert gradients[0].keys() == gradients[1].keys()
    assert gradients[0]
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-3, atol=1e-7)


def test_only_positions_before_a_learned_token_have_logits(model):
    whole = batch(model, ([5, 6], [9]))
    kept = answers_only(whole)
    assert kept["logits_to_keep"].tolist() == [4, 5, 8]
    assert kept["shift_labels"].tolist()[1] == [-100, -100, int(whole["input_ids"][1, 9])]
    assert model(**kept).logits.shape[1] == 3
    assert "logits_to_keep" not in whole
