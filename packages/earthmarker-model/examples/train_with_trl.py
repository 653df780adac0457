"""Fine-tune with TRL's SFTTrainer instead of ours: LoRA on the decoder's attention, loss on answers only.

    python train_with_trl.py demo runs/trl --model preset:tiny

Nothing in TRL knows of marks: the prompt is a second image of the conversation.
"""

import argparse
from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

from earthmarker.data import RowDataset, RowIndex
from earthmarker.data.canvases import open_picture
from earthmarker.inference import ready
from earthmarker.training.phases import ATTENTION


def conversations(data: Path, processor: Any) -> Dataset:
    """Rows as TRL takes them: messages, and the images of their placeholders, the prompt among them."""
    rows = RowDataset(RowIndex.read(data, sources=["DIOR-RSVG"], splits=["train"]))
    made = []
    for row in (rows[i] for i in range(len(rows))):
        messages = processor.conversation(open_picture(row), row.marks, row.messages)
        images = [item.pop("image") for item in messages[0]["content"] if item["type"] == "image"]
        made.append({"messages": messages, "images": images})
    return Dataset.from_list(made)


def main() -> None:
    """A few steps on what is asked about regions and points."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="what rsvp-build --out wrote, see demo_data.py")
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="preset:tiny", help="what to begin with")
    parser.add_argument("--steps", type=int, default=2)
    options = parser.parse_args()

    model, processor = ready(options.model)
    settings = SFTConfig(
        output_dir=str(options.out),
        max_steps=options.steps,
        per_device_train_batch_size=2,
        assistant_only_loss=True,  # without it TRL learns placeholders and questions too
        max_length=None,  # a cut sequence would lose placeholders
        use_cpu=model.device.type == "cpu",
        report_to=[],
        save_strategy="no",
    )
    trainer = SFTTrainer(
        model=model,
        args=settings,
        train_dataset=conversations(options.data, processor),
        processing_class=processor,
        # Anchored: DINOv2 has layers of the same names.
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules=ATTENTION, task_type="CAUSAL_LM"),
    )
    result = trainer.train()
    trainer.save_model(str(options.out))
    print(f"{result.global_step} steps, loss {result.training_loss:.3f}; adapter in {options.out}")


if __name__ == "__main__":
    main()
