"""What samples of semantic maps mean: the class of every colour and number, and what no table lists."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder.images.label_map import LabelCoding
from rsvp_builder.images.probe import UnreadableImageError

ISPRS = {
    (255, 255, 255): 0,
    (0, 0, 255): 1,
    (0, 255, 255): 2,
    (0, 255, 0): 3,
    (255, 255, 0): 4,
    (255, 0, 0): 5,
}
UAVID = {(0, 0, 0): 0, (128, 0, 0): 1, (128, 64, 128): 2, (192, 0, 192): 3, (64, 0, 128): 4}
EXACT = LabelCoding(colours=ISPRS)
BENT = LabelCoding(colours=ISPRS, threshold=127)
BUILDING = LabelCoding(values={0: 0, 1: 1, 255: 1})


class TestColours:
    def test_listed_colours_are_their_class_and_others_are_unknown(self) -> None:
        coding = LabelCoding(colours={**ISPRS, (0, 0, 0): -1})
        samples = np.array([*ISPRS, (0, 0, 0), (255, 0, 255), (252, 255, 0), (9, 222, 221)], np.uint8)
        decoded = coding.decode(samples)
        assert decoded.dtype == np.int16
        assert decoded.tolist() == [0, 1, 2, 3, 4, 5, -1, -2, -2, -2]

    def test_a_threshold_reads_the_bent_colours_of_real_tiles(self) -> None:
        samples = np.array([(9, 222, 221), (225, 227, 227), (252, 255, 0), (128, 127, 127)], np.uint8)
        assert BENT.decode(samples).tolist() == [2, 0, 4, 5]
        assert (EXACT.decode(samples) == -2).all()

    def test_black_carries_no_label_under_a_threshold_and_magenta_is_no_colour_of_theirs(self) -> None:
        samples = np.array([(0, 0, 0), (3, 9, 40), (255, 0, 255)], np.uint8)
        assert BENT.decode(samples).tolist() == [-1, -1, -2]
        listed = LabelCoding(colours={(0, 0, 0): 7, (255, 255, 255): 0}, threshold=127)
        assert listed.decode(samples).tolist() == [7, 7, -2]
        assert listed.decode(np.array([(0, 255, 0)], np.uint8)).tolist() == [-2]

    def test_black_is_a_class_where_the_source_says_so(self) -> None:
        assert LabelCoding(colours=UAVID).decode(np.array([*UAVID], np.uint8)).tolist() == [0, 1, 2, 3, 4]

    def test_colours_with_one_weighted_sum_stay_apart(self) -> None:
        coding = LabelCoding(colours={(0, 4, 0): 0, (0, 0, 3): 1, (6, 0, 0): 2})  # 2 r + 3 g + 4 b = 12
        assert coding.decode(np.array([(0, 4, 0), (0, 0, 3), (6, 0, 0)], np.uint8)).tolist() == [0, 1, 2]

    def test_bands_after_the_third_are_not_read(self) -> None:
        samples = np.array([(255, 0, 0, 0), (255, 0, 0, 255)], np.uint8)
        assert EXACT.decode(samples).tolist() == [5, 5]

    @given(
        colours=st.dictionaries(
            st.tuples(*[st.integers(0, 255)] * 3), st.integers(-1, 40), min_size=1, max_size=60
        ),
        others=st.lists(st.tuples(*[st.integers(0, 255)] * 3), max_size=20),
    )
    def test_exact_colours_equal_a_look_up_one_by_one(self, colours, others) -> None:
        samples = [*colours, *others]
        decoded = LabelCoding(colours=colours).decode(np.array(samples, np.uint8))
        assert decoded.tolist() == [colours.get(sample, -2) for sample in samples]

    @given(
        samples=st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=50),
        threshold=st.integers(0, 254),
    )
    def test_cut_colours_equal_a_look_up_one_by_one(self, samples, threshold) -> None:
        table = {**ISPRS, (0, 0, 0): -1, (255, 0, 255): -2}
        expected = [table[tuple(255 * (channel > threshold) for channel in sample)] for sample in samples]
        coding = LabelCoding(colours=ISPRS, threshold=threshold)
        assert coding.decode(np.array(samples, np.uint8)).tolist() == expected


class TestValues:
    def test_listed_numbers_are_their_class_and_others_are_unknown(self) -> None:
        coding = LabelCoding(values={0: -1, 1: 0, 9: 8, 255: 3})
        decoded = coding.decode(np.array([0, 1, 9, 255, 2, 10], np.uint8))
        assert decoded.dtype == np.int16
        assert decoded.tolist() == [-1, 0, 8, 3, -2, -2]

    @pytest.mark.parametrize("band", [0, 1, 2])
    def test_the_band_is_chosen(self, band) -> None:
        samples = np.arange(12, dtype=np.uint8).reshape(4, 3)
        coding = LabelCoding(values={n: n + 100 for n in range(12)}, band=band)
        assert coding.decode(samples).tolist() == (samples[:, band] + 100).tolist()

    def test_one_table_reads_bits_and_both_repacks(self) -> None:
        truth = np.array([0, 1, 1, 0], np.uint8)
        for samples in (truth.astype(bool), truth, truth * 255):
            assert BUILDING.decode(samples).tolist() == truth.tolist()

    def test_numbers_of_sixteen_bits(self) -> None:
        coding = LabelCoding(values={0: 0, 65535: 1})
        assert coding.decode(np.array([65535, 0, 255], np.uint16)).tolist() == [1, 0, -2]

    @given(
        values=st.dictionaries(st.integers(0, 65535), st.integers(-1, 32767), min_size=1, max_size=40),
        others=st.lists(st.integers(0, 65535), max_size=20),
    )
    def test_numbers_equal_a_look_up_one_by_one(self, values, others) -> None:
        samples = [*values, *others]
        decoded = LabelCoding(values=values).decode(np.array(samples, np.uint16))
        assert decoded.tolist() == [values.get(sample, -2) for sample in samples]


class TestCoding:
    def test_an_index_is_looked_up_through_the_colour_table_or_taken_as_it_is(self) -> None:
        palette = np.array([(0, 0, 0), (255, 255, 0), (0, 0, 255)], np.uint8)
        samples = np.array([2, 1, 0, 3, 255], np.uint8)
        assert BENT.decode(samples, palette).tolist() == [1, 4, -1, -2, -2]
        assert EXACT.decode(samples, palette).tolist() == [1, 4, -2, -2, -2]
        assert LabelCoding(values={2: 7, 1: 6}).decode(samples, palette).tolist() == [7, 6, -2, -2, -2]

    def test_codes_have_names_for_people(self) -> None:
        assert EXACT.name(int(EXACT.codes(np.array([(9, 222, 221)], np.uint8))[0])) == "9,222,221"
        assert BUILDING.name(77) == "77"
        beyond = EXACT.codes(np.array([4], np.uint8), np.zeros((4, 3), np.uint8))
        assert EXACT.name(int(beyond[0])) == "an index beyond the colour table"

    @pytest.mark.parametrize(
        ("coding", "samples", "value", "expected"),
        [
            (EXACT, np.zeros(3, np.uint8), "1 band(s) of 8 bits", "three bands"),
            (EXACT, np.zeros((3, 2), np.uint8), "2 band(s) of 8 bits", "three bands"),
            (EXACT, np.zeros((3, 3), np.uint16), "3 band(s) of 16 bits", "8 bits"),
            (LabelCoding(values={0: 0}, band=1), np.zeros(3, np.uint8), "1 band(s)", "band 1, from 0"),
            (LabelCoding(values={0: 0}, band=3), np.zeros((3, 3), np.uint8), "3 band(s)", "band 3, from 0"),
        ],
    )
    def test_samples_that_cannot_be_meant_are_refused(self, coding, samples, value, expected) -> None:
        with pytest.raises(UnreadableImageError) as caught:
            coding.decode(samples)
        assert value in caught.value.value
        assert expected in caught.value.expected

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"colours": ISPRS, "values": {0: 0}},
            {"colours": {}},
            {"colours": {(0, 0, 256): 0}},
            {"colours": {(0, 0): 0}},
            {"values": {-1: 0}},
            {"values": {0: -2}},
            {"values": {0: 40000}},
            {"values": {0: 0}, "threshold": 127},
            {"values": {0: 0}, "band": -1},
            {"colours": ISPRS, "threshold": 255},
            {"colours": {(255, 204, 0): 0, (255, 255, 0): 1}, "threshold": 127},
        ],
    )
    def test_tables_that_make_no_sense_are_refused(self, fields) -> None:
        with pytest.raises(ValueError, match=r"coding|table|class|threshold|band|colour"):
            LabelCoding(**fields)

    def test_colours_of_one_class_may_be_alike_under_a_threshold(self) -> None:
        coding = LabelCoding(colours={(255, 204, 0): 1, (255, 255, 0): 1}, threshold=127)
        assert coding.decode(np.array([(250, 230, 20)], np.uint8)).tolist() == [1]

    def test_a_coding_survives_the_way_to_a_worker(self) -> None:
        copy = pickle.loads(pickle.dumps(BENT))
        assert copy == BENT != EXACT
        assert copy.decode(np.array([(9, 222, 221)], np.uint8)).tolist() == [2]
