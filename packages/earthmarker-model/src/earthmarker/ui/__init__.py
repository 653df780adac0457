"""A page in the browser: open an image, draw marks on it, ask, and read the answer in the marks' colours."""

from earthmarker.ui.launch import launch
from earthmarker.ui.reader import AnswererReader, Reader, Talk

__all__ = ["AnswererReader", "Reader", "Talk", "launch"]
