"""TRL's SFTTrainer on conversations with pictures and prompts as images."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from earthmarker.prompts import Box
from earthmarker.training.phases import ATTENTION

trl = pytest.importorskip("trl")

# peft 0.21 and trl 1.16 use names that transformers 5.23 has given up.
pytestmark = pytest.mark.filterwarnings("ignore:`(is_)?gradient_checkpointing:FutureWarning")

ANSWERS = (
    "<Region 1>: ship\n",
    "<Region 1>: a plane on the left\n",
    "<Region 1>: car\n",
    "<Region 1>: a longer answer\n",
)


@pytest.fixture
def rows(processor):
    random = np.random.default_rng(0)
    made = []
    for k, answer in enumerate(ANSWERS):
        picture = Image.fromarray(random.integers(0, 256, (40, 60, 3), dtype=np.uint8))
        prompt = processor.draw([Box(5, 5, 20 + k, 30)], picture)
        question = "Please identify the category of each marked region in the image."
        messages = [
            {
                "role": "user",
                "content": [
                    {"type": "image", "kind": "picture", "text": None},
                    {"type": "image", "kind": "prompt", "text": None},
                    {"type": "text", "kind": None, "text": question},
                ],
            },
            {"role": "assistant", "content": [{"type": "text", "kind": None, "text": answer}]},
        ]
        made.append({"images": [picture, prompt], "messages": messages})
    return Dataset.from_list(made)


def trainer(model, processor, rows, folder, **kwargs):
    settings = trl.SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=2,
        max_steps=2,
        learning_rate=1e-3,
        max_length=None,
        assistant_only_loss=True,
        report_to=[],
        use_cpu=True,
        bf16=False,
        save_strategy="no",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        gradient_checkpointing_kwargs={"use_reentrant": False},
    )
    return trl.SFTTrainer(
        model=model, args=settings, train_dataset=rows, processing_class=processor, **kwargs
    )


def test_labels_are_exactly_the_answers(folder, rows, tmp_path):
    model, processor = (c.from_pretrained(folder) for c in (AutoModelForImageTextToText, AutoProcessor))
    sft = trainer(model, processor, rows, tmp_path)
    batch = sft.data_collator([rows[i] for i in range(4)])
    for labels, answer in zip(batch["labels"], ANSWERS, strict=True):
        assert processor.tokenizer.decode(labels[labels != -100]) == f" {answer}</s>"
    assert batch["pixel_values"].shape[0] == 8
    ids = batch["input_ids"]
    assert (ids == processor.image_token_id).sum() == 8 * processor.image_seq_length
    boundaries = torch.tensor(model.config.boundary_token_ids)
    assert [(ids == b).sum().item() for b in boundaries] == [4, 4, 4, 4]


def test_it_trains_lora_on_the_decoder(folder, rows, tmp_path):
    from peft import LoraConfig

    model, processor = (c.from_pretrained(folder) for c in (AutoModelForImageTextToText, AutoProcessor))
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    lora = LoraConfig(r=4, target_modules=ATTENTION, task_type="CAUSAL_LM")
    sft = trainer(model, processor, rows, tmp_path, peft_config=lora)
    result = sft.train()
    assert np.isfinite(result.training_loss) and result.global_step == 2
    learned = {n for n, p in sft.model.named_parameters() if ".lora_B." in n and p.abs().sum() > 0}
    assert len(learned) == 8 and not any(".mov." in n for n in learned)
    merged = sft.model.merge_and_unload()
    changed = {n for n, p in merged.named_parameters() if not torch.equal(p, before[n])}
    assert changed and all(".self_attn." in n and ".language_model." in n for n in changed)
