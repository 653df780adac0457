"""Train the three phases one after another, on features that are computed once.

    python train_three_phases.py demo runs

``earthmarker train`` does each of the phases from the command line.
"""

import argparse
from pathlib import Path

from earthmarker.data import RowIndex
from earthmarker.features import compute
from earthmarker.inference import ready
from earthmarker.training import PHASES, Settings, train


def main() -> None:
    """A cache, then align, spatial and rsvp."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="what rsvp-build --out wrote, see demo_data.py")
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="preset:tiny", help="what to begin with")
    parser.add_argument("--steps", type=int, default=2, help="of each phase")
    options = parser.parse_args()

    # The untrained model gets a folder: an adapter, or a model trained without encoders, names its base.
    model, processor = ready(options.model)
    start = options.out / "start"
    model.save_pretrained(start)
    processor.save_pretrained(start)

    # The encoders never train, so no phase has to run them.
    cache = options.out / "features"
    store = compute(model, processor, RowIndex.read(options.data), cache)
    print(f"{len(store)} features of {store.shape}")

    source = start
    for name, phase in PHASES.items():
        # The shipped settings are the paper's; only what makes a demonstration short is changed.
        shipped = Settings.of_phase(name)
        optim = shipped.optim.model_copy(update={"steps": options.steps, "batch": 4, "device_batch": 2})
        data = shipped.data.model_copy(update={"workers": 0})
        settings = shipped.model_copy(update={"optim": optim, "data": data, "log_steps": 1})
        done = train(name, source, options.data, options.out / name, settings, cache=cache)
        print(
            f"phase {phase.number}, {name}: {done.steps} steps, loss {done.loss:.3f}, {done.trained:,} "
            f"parameters learned, {done.frozen} tensors found unchanged; {done.folder}"
        )
        source = done.folder


if __name__ == "__main__":
    main()
