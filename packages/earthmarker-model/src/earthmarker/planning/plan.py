"""The plan of a training run, phase by phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from earthmarker.configuration_earthmarker import EarthMarkerConfig
from earthmarker.errors import EarthMarkerError
from earthmarker.planning import flops
from earthmarker.planning.memory import Memory, activations, gathered, logits, state
from earthmarker.planning.rows import ROWS
from earthmarker.planning.shapes import record_bytes, row_tokens
from earthmarker.presets import PRESETS, preset
from earthmarker.presets.count import bare_config, count
from earthmarker.training import PHASES, Settings
from earthmarker.training.phases import Lora

GIB = 2**30

# Assumptions, not measurements.
TEXT_TOKENS = 130  # system, question and answer; rows of about 650 tokens with 2 x 257 of images
UTILISATION = 0.4  # of the peak, as well-tuned training of large decoders reaches
PEAK_TFLOPS = 312.0  # NVIDIA A100, dense bfloat16, from its data sheet
USABLE = 0.92  # of a GPU's memory; the rest is CUDA's and lost to fragmentation


@dataclass(frozen=True)
class Option:
    """One way to spread a phase.

    Attributes:
        strategy: ``ddp`` or ``fsdp``; on one GPU both are none.
        memory: on each GPU.
        fits: whether it does.
        device_batch: largest number of rows of a pass that fits and divides the batch, 0 if none does.
    """

    strategy: str
    memory: Memory
    fits: bool
    device_batch: int


@dataclass(frozen=True)
class PhasePlan:
    """What a phase takes.

    Attributes:
        phase: its name.
        learned: parameters that learn.
        rows: of an epoch.
        steps: of an epoch.
        tokens: of a row.
        batch: rows of a step.
        device_batch: rows of a pass on one GPU.
        checkpointing: whether activations are recomputed.
        options: ways to spread it.
        flops: of a row, forward and backward.
        encoder_flops: of them those of the encoders; none with a cache.
        hours: of an epoch.
        cache_bytes: most disk that the feature cache takes.
        advice: what to do.
    """

    phase: str
    learned: int
    rows: int
    steps: int
    tokens: int
    batch: int
    device_batch: int
    checkpointing: bool
    options: tuple[Option, ...]
    flops: int
    encoder_flops: int
    hours: float
    cache_bytes: int
    advice: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether it fits in any of the ways."""
        return any(option.fits for option in self.options)


@dataclass(frozen=True)
class Machine:
    """What it runs on, and how.

    Attributes:
        gpus: how many.
        memory: of each, in GiB.
        peak: of each, in TFLOP/s.
        utilisation: part of the peak that is reached.
        cached: with a feature cache.
        eight_bit: with 8-bit AdamW.
    """

    gpus: int
    memory: float
    peak: float = PEAK_TFLOPS
    utilisation: float = UTILISATION
    cached: bool = False
    eight_bit: bool = False

    @property
    def usable(self) -> int:
        """Bytes of each GPU."""
        return int(self.memory * GIB * USABLE)


@dataclass(frozen=True)
class Plan:
    """What a preset takes.

    Attributes:
        preset: its name.
        machine: what it runs on.
        parts: parameters of each part.
        phases: phase by phase.
    """

    preset: str
    machine: Machine
    parts: dict[str, int]
    phases: tuple[PhasePlan, ...]

    @property
    def parameters(self) -> int:
        """Of the whole model, LoRA not counted."""
        return sum(n for part, n in self.parts.items() if part != "lora")


def plan(
    name: str,
    machine: Machine,
    *,
    phases: Sequence[str] = tuple(PHASES),
    settings: Settings | None = None,
    rows: int | None = None,
    images: int | None = None,
    text_tokens: int = TEXT_TOKENS,
) -> Plan:
    """Estimate memory, time and disk.

    Args:
        name: of a preset.
        machine: what it runs on.
        phases: names of phases.
        settings: of the run; those shipped for each phase if None.
        rows: of an epoch; those of the paper's recipe if None.
        images: different pictures among the rows; as many as there are rows if None.
        text_tokens: of a row's text.

    Raises:
        EarthMarkerError: for an unknown preset or phase, or a number that makes no sense.
    """
    if name not in PRESETS:
        raise EarthMarkerError(f"unknown preset '{name}'. Known: {', '.join(PRESETS)}.")
    for phase in phases:
        if phase not in PHASES:
            raise EarthMarkerError(f"unknown phase '{phase}'. Known: {', '.join(PHASES)}.")
    if machine.gpus < 1 or machine.memory <= 0 or machine.peak <= 0 or not 0 < machine.utilisation <= 1:
        raise EarthMarkerError(f"{machine}: expected one GPU or more with memory, and a utilisation up to 1")
    config = bare_config(preset(name))
    made = []
    for phase in phases:
        chosen = settings or Settings.of_phase(phase)
        parts = count(name, lora=Lora(**chosen.lora.model_dump()))
        made.append(_phase(phase, chosen, config, parts, machine, rows, images, text_tokens))
    return Plan(name, machine, parts if phases else count(name), tuple(made))


def _phase(
    phase: str,
    settings: Settings,
    config: EarthMarkerConfig,
    parts: dict[str, int],
    machine: Machine,
    rows: int | None,
    images: int | None,
    text_tokens: int,
) -> PhasePlan:
    optim = settings.optim
    machine = replace(machine, eight_bit=machine.eight_bit or optim.optimizer == "adamw_8bit")
    task = _Task(phase, config, parts, row_tokens(config, text_tokens), optim.batch, optim.checkpointing)
    device_batch = min(optim.device_batch, max(1, optim.batch // machine.gpus))
    options = tuple(
        task.option(machine, strategy, device_batch)
        for strategy in (("ddp", "fsdp") if machine.gpus > 1 else ("single",))
    )
    encoders = 0 if machine.cached else flops.encoders(config)
    a_row = encoders + flops.step(
        config,
        task.tokens,
        task.learned if phase != "align" else 0,
        parts["projector"],
        lora=parts["lora"] if phase == "rsvp" else 0,
        checkpointing=optim.checkpointing,
    )
    count_rows = ROWS[phase] if rows is None else rows
    seconds = count_rows * a_row / (machine.gpus * machine.peak * 1e12 * machine.utilisation)
    # Prompts about the whole image are the same for all images of a size, those of marks are each another.
    prompts = 0 if phase == "align" else count_rows
    records = (count_rows if images is None else images) + prompts
    return PhasePlan(
        phase=phase,
        learned=task.learned,
        rows=count_rows,
        steps=-(-count_rows // optim.batch),
        tokens=task.tokens,
        batch=optim.batch,
        device_batch=device_batch,
        checkpointing=optim.checkpointing,
        options=options,
        flops=a_row,
        encoder_flops=encoders,
        hours=seconds / 3600,
        cache_bytes=records * record_bytes(config),
        advice=tuple(task.advice(machine, options, device_batch)),
    )


@dataclass(frozen=True)
class _Task:
    phase: str
    config: EarthMarkerConfig
    parts: dict[str, int]
    tokens: int
    batch: int
    checkpointing: bool

    @property
    def learned(self) -> int:
        return self.parts[{"align": "projector", "spatial": "attention", "rsvp": "lora"}[self.phase]]

    def memory(self, machine: Machine, strategy: str, device_batch: int) -> Memory:
        held = [part for part in self.parts if part != "lora" or self.phase == "rsvp"]
        if machine.cached:
            held = [part for part in held if part not in ("dino", "convnext")]
        sharded = strategy == "fsdp"
        weights, gradients, optimiser = state(
            sum(self.parts[part] for part in held),
            self.learned,
            gpus=machine.gpus,
            sharded=sharded,
            eight_bit=machine.eight_bit,
        )
        return Memory(
            weights,
            gradients,
            optimiser,
            activations(
                self.config, device_batch, self.tokens, phase=self.phase, checkpointing=self.checkpointing
            ),
            logits(self.config, device_batch, self.tokens),
            gathered(self.config, self.parts, cached=machine.cached) if sharded else 0,
        )

    def option(self, machine: Machine, strategy: str, device_batch: int) -> Option:
        memory = self.memory(machine, strategy, device_batch)
        fitting = [
            size
            for size in range(1, self.batch // machine.gpus + 1)
            if self.batch % (size * machine.gpus) == 0
            and self.memory(machine, strategy, size).total <= machine.usable
        ]
        return Option(strategy, memory, memory.total <= machine.usable, max(fitting, default=0))

    def advice(self, machine: Machine, options: Sequence[Option], device_batch: int) -> list[str]:
        """What to do: how to run what fits, or what to change first."""
        fitting = [option for option in options if option.fits]
        if fitting:
            best = fitting[0]
            told = {
                "single": "one process is enough",
                "ddp": "run it with ddp.yaml",
                "fsdp": "run it with fsdp2.yaml",
            }[best.strategy]
            more = (
                f"; optim.device_batch can be {best.device_batch}" if best.device_batch > device_batch else ""
            )
            return [told + more]
        for option in options:
            if option.device_batch:
                name = "" if option.strategy == "single" else f" with {option.strategy}"
                return [f"set optim.device_batch = {option.device_batch}{name}"]
        ways = []
        if not self.checkpointing and self._fits(replace(self, checkpointing=True), machine):
            ways.append("set optim.checkpointing = true")
        if not machine.cached and self._fits(self, replace(machine, cached=True)):
            ways.append("use a feature cache")
        if not machine.eight_bit and self._fits(self, replace(machine, eight_bit=True)):
            ways.append('set optim.optimizer = "adamw_8bit"')
        for gpus in (2, 4, 8, 16, 32, 64):
            if gpus > machine.gpus and self._fits(self, replace(machine, gpus=gpus)):
                ways.append(f"take {gpus} GPUs, with fsdp2.yaml")
                break
        return ways or ["it does not fit: take GPUs with more memory, or a smaller preset"]

    @staticmethod
    def _fits(task: _Task, machine: Machine) -> bool:
        strategy = "fsdp" if machine.gpus > 1 else "single"
        return task.memory(machine, strategy, 1).total <= machine.usable
