"""LoRA on the decoder's attention: saved, loaded, merged, and found by transformers itself."""

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForImageTextToText

from earthmarker.training.phases import ATTENTION

# peft 0.21 and trl 1.16 use names that transformers 5.23 has given up.
pytestmark = pytest.mark.filterwarnings("ignore:`(is_)?gradient_checkpointing:FutureWarning")


def lora():
    return LoraConfig(r=4, lora_alpha=8, target_modules=ATTENTION, task_type="CAUSAL_LM")


def logits(model, inputs):
    with torch.no_grad():
        return model(**inputs).logits


@pytest.fixture
def tuned(folder):
    model = get_peft_model(AutoModelForImageTextToText.from_pretrained(folder), lora())
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_B." in name:
                parameter.normal_(0, 0.2, generator=generator)
    return model.eval()


def test_adapters_sit_on_the_decoder_and_never_on_dinov2(tuned):
    adapted = {n.rsplit(".lora_", 1)[0] for n, _ in tuned.named_parameters() if ".lora_" in n}
    assert len(adapted) == 2 * 4 and all(".language_model.layers." in n for n in adapted)
    # DINOv2 has layers of the same names: this is what a plain list would have touched.
    plain = {n for n, _ in tuned.named_modules() if n.endswith("q_proj") and ".mov." in n}
    assert plain


def test_saved_and_loaded(tuned, model, folder, inputs, tmp_path):
    before, after = logits(model, inputs), logits(tuned, inputs)
    assert (before - after).abs().max() > 0.01, "an adapter that does nothing would prove nothing"
    tuned.save_pretrained(tmp_path)
    assert sum(f.stat().st_size for f in tmp_path.glob("*.safetensors")) < 60_000
    again = PeftModel.from_pretrained(AutoModelForImageTextToText.from_pretrained(folder), tmp_path)
    assert torch.equal(logits(again, inputs), after)
    answers = tuned.generate(**inputs, max_new_tokens=5)
    assert torch.equal(again.generate(**inputs, max_new_tokens=5), answers)
    with again.disable_adapter():
        assert torch.equal(logits(again, inputs), before)


def test_merged_into_the_model(tuned, inputs, tmp_path):
    after = logits(tuned, inputs)
    merged = tuned.merge_and_unload()
    assert torch.allclose(logits(merged, inputs), after, atol=1e-4)
    assert not any("lora" in n for n, _ in merged.named_parameters())
    merged.save_pretrained(tmp_path)
    again = AutoModelForImageTextToText.from_pretrained(tmp_path)
    assert torch.equal(logits(again, inputs), logits(merged, inputs))


def test_transformers_loads_adapters_itself(tuned, model, inputs, tmp_path):
    after = logits(tuned, inputs)
    tuned.save_pretrained(tmp_path)
    model.load_adapter(str(tmp_path))
    assert torch.equal(logits(model.eval(), inputs), after)


def test_features_from_a_cache_work_under_an_adapter(tuned, inputs):
    features = tuned.base_model.model.model.encode(inputs["pixel_values"])
    cached = {k: v for k, v in inputs.items() if k != "pixel_values"} | {"mov_features": features}
    assert torch.equal(logits(tuned, inputs), logits(tuned, cached))
    made = tuned.generate(**inputs, max_new_tokens=5)
    assert torch.equal(made, tuned.generate(**cached, max_new_tokens=5))


def test_only_the_adapter_learns(tuned, inputs):
    tuned.train()
    tuned(**inputs, labels=inputs["input_ids"]).loss.backward()
    learned = {n for n, p in tuned.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert learned and all(".lora_" in n for n in learned)
    assert len(learned) == 2 * 4 * 2
