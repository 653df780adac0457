"""Fold the adapter of phase three into its base, and keep a model that needs no peft.

python merge_adapter.py runs/rsvp/model merged
"""

import argparse
from pathlib import Path

import torch
from PIL import Image

from earthmarker.training.store import load


def main() -> None:
    """Merge, save, read back, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("adapter", type=Path, help="folder with adapter_config.json")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()

    apart, processor = load(options.adapter, merge=False)  # base and adapter side by side
    text = processor.apply_chat_template(
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is marked?"}]}],
        add_generation_prompt=True,
    )
    picture = Image.effect_mandelbrot((96, 64), (-2, -1, 1, 1), 40).convert("RGB")
    inputs = processor(images=picture, text=text, boxes=[(10, 10, 60, 50)], return_tensors="pt")
    with torch.no_grad():
        before = apart.eval()(**inputs).logits

    merged, _ = load(options.adapter)  # merging is what load does, unless told not to
    merged.save_pretrained(options.out)
    processor.save_pretrained(options.out)

    alone, _ = load(options.out)
    with torch.no_grad():
        after = alone.eval()(**inputs).logits
    apart_by = float((after - before).abs().max())
    print(
        f"{options.out}: {alone.num_parameters():,} parameters; largest difference of logits {apart_by:.1e}"
    )


if __name__ == "__main__":
    main()
