"""What training takes, before anybody rents a GPU: memory, time and disk, from documented formulas."""

from earthmarker.planning.plan import Option, PhasePlan, Plan, plan
from earthmarker.planning.rows import ROWS, TABLE_I

__all__ = ["ROWS", "TABLE_I", "Option", "PhasePlan", "Plan", "plan"]
