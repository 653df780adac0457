"""The fake server with answers that fit; see honest_answers.py.

python honest_server.py [options of fake_server/app.py]
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "captioning" / "fake_server")]

import app  # noqa: E402
import chat  # noqa: E402
from honest_answers import answer_to  # noqa: E402

chat.answer_to = answer_to

if __name__ == "__main__":
    app.main()
