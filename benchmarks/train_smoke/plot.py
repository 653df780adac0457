"""Learning curves as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def curves(histories: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """Draw the loss of each phase over its steps, side by side on one scale."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, len(histories), figsize=(4 * len(histories), 3.2), sharey=True, squeeze=False
    )
    for axis, (phase, history) in zip(axes[0], histories.items(), strict=True):
        points = [(entry["step"], entry["loss"]) for entry in history if "loss" in entry]
        axis.plot([s for s, _ in points], [v for _, v in points], color="#0072b2")
        axis.set_title(f"phase {phase}")
        axis.set_xlabel("step")
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("loss on answers")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
