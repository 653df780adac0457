"""Penn Treebank tokens as the caption metrics know them, without Java.

The published caption scores are over the tokens of ``PTBTokenizer`` of Stanford CoreNLP 3.4.1, driven by
pycocoevalcap: in lower case, without a list of punctuation marks. :func:`ptb` gives the same tokens. Its
rules were written from the documented conventions of that tokeniser and from its answers to some millions
of strings; no part of its source is used.

What is equal and what is not:

* All distinct captions of COCO 2014, 593,963 of them, and all strings of the remote-sensing samples give
  equal tokens. So did 1,250,000 random strings that mix words, abbreviations, numbers, punctuation,
  markup and characters of many scripts, of the kind that ``tests/tokenizer`` makes.
* The reference runs all captions together, and the last token of one may depend on the beginning of the
  next: ``letter K.`` ends in ``k`` before a caption that begins with ``A`` or ``The`` and in ``k.``
  before others. Here a caption never depends on its neighbours: it is read as if the next line were
  empty. This concerns captions that end in an initial, and those that end in ``no.``, ``fig.``, ``pp.``
  and the like before one that begins with a number: 17 of the 593,963. The very last caption of a run,
  with no line break behind it, may differ too if it ends in an emoticon or a decade such as ``'90``.
* The reference takes a carriage return and its kin for the end of a caption and gives the tokens of all
  later ones to their neighbours. Here they are spaces, see :mod:`rsvp_eval.tokenizer.linebreaks`.
* Strings may differ where Greek capital sigmas stand in compounds with digits and punctuation, for Java
  finds the ends of words there by rules of its own, and in letters whose lower case came with a Unicode
  that only Java or only Python knows.
"""

from __future__ import annotations

from collections.abc import Sequence

from rsvp_eval.tokenizer.fast import plain
from rsvp_eval.tokenizer.linebreaks import clean, count_cleaned

__all__ = ["clean", "count_cleaned", "ptb"]


def ptb(captions: Sequence[str]) -> list[str]:
    """Tokens of captions, in lower case and without punctuation.

    Args:
        captions: any strings; line breaks in them count as spaces.

    Returns:
        One string a caption: its tokens, set apart by one space. Tokens that the reference makes of several
        words, such as telephone numbers and fractions, hold no-break spaces.
    """
    return [_tokens(caption) if (words := plain(caption)) is None else words for caption in captions]


def _tokens(caption: str) -> str:
    # The rules take long to compile, and a run may have no use for them.
    from rsvp_eval.tokenizer.lexer import tokens

    return tokens(clean(caption))
