"""The compiled kernels: optional, since every metric has an exact path in Python that they only shorten."""

from pathlib import Path

from setuptools import Extension, setup

HERE = Path(__file__).parent
SOURCES = sorted(str(p.relative_to(HERE)) for p in (HERE / "src/rsvp_eval/native").glob("*.cpp"))

setup(
    ext_modules=[
        Extension(
            "rsvp_eval.native._kernels",
            sources=SOURCES,
            depends=[str(p.relative_to(HERE)) for p in (HERE / "src/rsvp_eval/native").glob("*.hpp")],
            # No contraction to fused multiply-add: the kernels give the bits that Python gives.
            extra_compile_args=["-O3", "-std=c++17", "-ffp-contract=off", "-fvisibility=hidden"],
            language="c++",
            optional=True,
        )
    ]
)
