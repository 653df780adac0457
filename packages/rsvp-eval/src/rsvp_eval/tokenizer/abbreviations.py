"""Abbreviations that keep their full stop, and words before which an initial loses its own.

The lists were recorded by asking the reference about every string of up to four ASCII letters in lower,
title and upper case, about those of five letters in lower and title case, and about the beginnings of
40,000 words.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


HOLDING = _words(
    """
    adj adm adv alex assoc asst atty attys ave brig capt cf cie cmdr col comdr cpl dept det dr drs elec
    ens ft gen gov govs hon insp invt jos lieut lt maj messrs mlle mme mr mrs ms msgr mt natl pfc ph
    pres prof profs pvt rep reps rev sen sens sfc sgt spc st ste supt supts treas vs wm
    """
)
"""Abbreviations that stand within a sentence, in any case: titles, ranks, ``st.``."""

ENDING = _words(
    """
    al ala apr ariz assn aug bhd bldg blvd bros calif co colo conn corp cos ct dak dec esq est etc ext
    feb fla fri ga inc ind intl jan jr jul jun kan kans ky ltd mar md mich minn mo mon mont neb nev nov
    oct okla penn plc rd rt sep sept seq sq sr sys tel tenn thu thurs tue tues univ va vt wed wis wisc
    wyo
    """
)
"""Abbreviations that may end a sentence, in any case: months, days, states, companies, ``etc.``."""

CAPITAL = _words("ark az del ill la mass miss ore pa tex wash")
"""Abbreviations that may end a sentence and must begin with a capital, for without it they are words."""

SMALL = _words("mfg mtg ppte pptes ppty pptys pte ptes pty ptys")
"""Abbreviations of which only the beginning may be in capitals."""

COUNTING = _words("art ca fig figs no nos op pp prop")
"""Abbreviations that keep the full stop only before a number."""

BEGINNING = _words(
    """
    A About According Additionally After An As At But Earlier He Her Here However If In It Last Many
    More Now Once One Other Our She Since So Some Such That The Their Then There These They This We What
    When While Yet You
    """
)
"""Words that begin a sentence after an initial: the full stop is the sentence's then, not the initial's."""

ASSIMILATED = _words("cannot gimme gonna gotta lemme wanna")
"""Words that are written as one and are two tokens, of three letters and of the rest."""
