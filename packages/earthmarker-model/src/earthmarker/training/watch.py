"""What a run tells while it goes: its log on disk, and its progress to whoever asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

Progress = Callable[[int, int, float | None], None]


class History(TrainerCallback):
    """Writes the log as it grows, so that a run that is interrupted has it too.

    A run that goes on begins with the lines up to its checkpoint; those behind it come again.

    Args:
        path: JSON Lines, one line a log entry, as the Trainer makes them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin the file with what the checkpoint knows."""
        if state.is_world_process_zero:
            self.path.write_text("".join(json.dumps(entry) + "\n" for entry in state.log_history))

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Add the last entry."""
        if state.is_world_process_zero:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(state.log_history[-1]) + "\n")


class Told(TrainerCallback):
    """Tells steps done, steps in all and the last loss, on the first process alone."""

    def __init__(self, tell: Progress) -> None:
        self.tell = tell
        self._loss: float | None = None

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Keep the loss."""
        self._loss = state.log_history[-1].get("loss", self._loss)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Tell about the step."""
        if state.is_world_process_zero:
            self.tell(state.global_step, state.max_steps, self._loss)
