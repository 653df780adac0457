"""What became of every tensor of a converted checkpoint."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class ConversionReport:
    """Account of a conversion: no tensor is left out or made up without being named here.

    Attributes:
        folders: what was read, each over the one before.
        shards: files that each folder's checkpoint was in.
        used: name in the checkpoint to names in the model.
        unused: name in the checkpoint to why it has no place in the model.
        initialised: name in the model, or rows of it, that the checkpoint does not have; random.
        loaded: part of the model to where its weights were taken from instead.
        unequal: name to largest difference between shards that should have had the same.
        parameters: of the model.
    """

    folders: list[str] = field(default_factory=list)
    shards: list[int] = field(default_factory=list)
    used: dict[str, list[str]] = field(default_factory=dict)
    unused: dict[str, str] = field(default_factory=dict)
    initialised: list[str] = field(default_factory=list)
    loaded: dict[str, str] = field(default_factory=dict)
    unequal: dict[str, float] = field(default_factory=dict)
    parameters: int = 0

    def summary(self) -> str:
        """A few lines for people."""
        lines = [
            f"read {', '.join(self.folders)} ({' and '.join(map(str, self.shards))} shards)",
            f"used {len(self.used)} tensors for {self.parameters:,} parameters",
        ]
        lines += [f"{part} from {source}" for part, source in self.loaded.items()]
        if self.unused:
            reasons = sorted(set(self.unused.values()))
            lines.append(f"unused: {len(self.unused)} tensors ({'; '.join(reasons)})")
        if self.initialised:
            lines.append(f"random, not in the checkpoint: {', '.join(self.initialised)}")
        lines += [f"{key} differs between shards by {d:.3g}" for key, d in self.unequal.items()]
        return "\n".join(lines)

    def save(self, path: Path) -> None:
        """Write all of it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
