"""Runs the command line with FSDP on CPUs.

accelerate shards over GPUs only, and falls back to plain data parallelism on CPUs without a word. Told that
its processes are those of GPUs, it shards with gloo. Each process says what is sharded on stderr, so that a
test can see that it was.
"""

import sys

import accelerate.accelerator
from accelerate.state import PartialState
from accelerate.utils import DistributedType

begin, prepare = PartialState.__init__, accelerate.accelerator.fsdp2_prepare_model


def begin_as_if_on_gpus(self, *args, **kwargs):
    begin(self, *args, **kwargs)
    if self.distributed_type == DistributedType.MULTI_CPU:
        self.distributed_type = DistributedType.MULTI_GPU


def prepare_and_say(accelerator, model):
    made = prepare(accelerator, model)
    units = [name for name, module in made.named_modules() if type(module).__name__.startswith("FSDP")]
    kinds = {type(p).__name__ for p in made.parameters()}
    sys.stderr.write(f"sharded: {' '.join(sorted(units))} with {' '.join(kinds)}\n")
    return made


if __name__ == "__main__":
    PartialState.__init__ = begin_as_if_on_gpus
    accelerate.accelerator.fsdp2_prepare_model = prepare_and_say
    from earthmarker_cli.app import main

    main()
