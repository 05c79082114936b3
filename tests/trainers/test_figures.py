"""Figures for print: what tells lines apart in grey, axes that are compared, legends off the data, panels that add nothing."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.trainers.test_diverged import directory
from trainers.experiments import plots
from trainers.experiments.figures import Panel
from trainers.experiments.lines import Line, PanelLines, Scale, without_copies
from trainers.workbench import drawing
from trainers.workbench.axes import plain, share, tick_at
from wirelessenv import style


def lightness(colour):
    """CIE L* of an sRGB colour."""
    values = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    return 116 * np.cbrt(linear) - 16 if linear > 0.008856 else 903.3 * linear


def test_two_lines_of_the_first_twelve_differ_in_grey_by_dashes_or_by_lightness():
    lines = [style.line(number) for number in range(12)]
    for one, other in combinations(lines, 2):
        assert one.dashes != other.dashes or abs(lightness(one.colour) - lightness(other.colour)) > 5
    assert len({(one.colour, str(one.dashes)) for one in map(style.line, range(35))}) == 35


def test_who_knows_more_is_darker_in_grey():
    levels = [lightness(colour) for colour in style.KNOWING.values()]
    assert all(lighter - darker > 12 for lighter, darker in pairwise(levels))


def line(name, x, middle):
    return Line(name, *(np.array(one, float) for one in (x, middle, middle, middle)))


def panel(x_label, *lines, **settings):
    return PanelLines(Panel(**settings), lines, x_label, "utility", "")


SLOTS = panel("slots", line("a", [0, 10, 20], [1, 2, 3]), line("b", [0, 20, 40], [1, 2, 2]))


def test_a_panel_with_another_scale_alone_becomes_a_second_axis():
    seconds = panel("seconds", line("a", [0.5, 1], [2, 3]), line("b", [1, 2], [2, 2]), log_x=True)
    (kept,) = without_copies([SLOTS, seconds])
    assert kept.lines is SLOTS.lines
    assert kept.second.label == "seconds"
    np.testing.assert_allclose(kept.second.there(np.array([0, 5, 15, 30, 80])), [0, 0.25, 0.75, 1.5, 4])
    np.testing.assert_allclose(kept.second.back(kept.second.there(np.array([0, 5, 15, 30, 80]))), [0, 5, 15, 30, 80])


@pytest.mark.parametrize(
    "other",
    [
        panel("bits", line("a", [0, 1, 2], [1, 2, 3]), line("b", [0, 20, 40], [1, 2, 2])),  # lines move apart
        panel("seconds", line("a", [0, 1, 2], [1, 2, 4]), line("b", [0, 2, 4], [1, 2, 2])),  # another value
        panel("seconds", line("a", [0, 1, 2], [1, 2, 3])),  # a line less
        panel("slots", *SLOTS.lines),  # the same axis: another choice of the user's
    ],
)
def test_a_panel_that_shows_something_of_its_own_is_drawn(other):
    assert without_copies([SLOTS, other]) == [SLOTS, other]


def test_a_scale_that_bends_is_followed():
    scale = Scale("bits", np.array([0.0, 1, 2]), np.array([0.0, 1, 3]))
    np.testing.assert_allclose(scale.there(np.array([0.5, 1.5, 4])), [0.5, 2, 6])


def axes(*ranges):
    figure = Figure()
    found = [figure.add_subplot(1, len(ranges), place) for place in range(1, len(ranges) + 1)]
    for one, limits in zip(found, ranges, strict=True):
        one.set_ylim(*limits)
    return found


def test_panels_of_one_quantity_have_one_range():
    found = axes((0, 10), (2, 8), (0, 1))
    share(found, ["utility", "utility", "error"], "y")
    assert [one.get_ylim() for one in found] == [(0, 10), (0, 10), (0, 1)]


def test_no_panel_is_squeezed_into_a_corner_of_a_range():
    found = axes((0, 10), (2, 4))
    share(found, ["utility", "utility"], "y")
    assert [one.get_ylim() for one in found] == [(0, 10), (2, 4)]


def test_ticks_are_where_the_points_are():
    (one,) = axes((0, 1))
    one.set_xlim(0, 11)
    tick_at(one, np.array([1, 2, 5, 10, 2.0]))
    assert [text.get_text() for text in one.get_xticklabels()] == ["1", "2", "5", "10"]
    assert [plain(value) for value in (0, 0.5, 1e-5, 123456, 4.5e9)] == ["0", "0.5", "1e-05", "123456", "4.5 G"]


def drawn(path, monkeypatch, **settings):
    kept = []
    monkeypatch.setattr(plots, "save", lambda figure, *_: kept.append(figure) or [])
    plots.plot(directory(path, {"ring, 1 m/s": [240] * 3, "all, 1 m/s": [240] * 3}, **settings).path)
    return kept[0]


def test_a_figure_of_one_panel_has_one_title_and_a_legend_under_its_data(tmp_path, monkeypatch):
    figure = drawn(tmp_path / "a", monkeypatch, title="whole", panels=[{"title": "part"}])
    (only,) = figure.axes
    assert [only.get_title("left"), only.get_title("center"), figure.get_suptitle()] == ["", "", "whole"]
    figure.draw_without_rendering()
    legend, data = only.get_legend().get_window_extent(), only.get_window_extent()
    assert legend.y1 < data.y0
    assert legend.y0 > 0
    said = " ".join(text.get_text() for text in figure.texts)
    assert "Lines: means; bands: 95 % intervals, over 3 seeds" in said


def test_panels_with_the_same_lines_share_a_legend_and_names_leave_out_what_the_title_says(tmp_path, monkeypatch):
    figure = drawn(tmp_path / "a", monkeypatch, panels=[{"title": "1 m/s"}, {"title": "again, 1 m/s", "average": "median"}])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ring", "all", "full power"]
    assert [one.get_legend() for one in figure.axes] == [None, None]
    assert [one.get_title("left") for one in figure.axes] == ["(a) 1 m/s", "(b) again, 1 m/s"]


def test_panels_of_which_one_has_fewer_lines_share_a_legend_unless_they_contradict_each_other():
    with drawing.styled():
        _, (left, right) = drawing.panels(2)
        found = [
            {name: panel.plot([0, 1], [place, 1])[0] for place, name in enumerate(names)}
            for panel, names in ((left, ("ring", "all", "none")), (right, ("ring", "all")))
        ]
        for panel in found:
            for place, one in enumerate(panel.values()):
                one.set_gid(drawing.curve_look(place)["gid"])
        drawing.legends([left, right], found)
        (shared,) = left.figure.legends
        assert [text.get_text() for text in shared.get_texts()] == ["ring", "all", "none"]
        assert drawing._common([found[0], {"ring": found[1]["all"]}]) == {}  # one name, two looks
        assert drawing._common([found[0], {"star": found[1]["ring"]}]) == {}  # one look, two names


def test_curves_beyond_the_dashes_have_markers_and_no_two_of_the_first_35_look_alike():
    looks = [drawing.curve_look(place) for place in range(35)]
    assert ["marker" in look for look in looks] == [False] * len(style.DASHES) + [True] * (35 - len(style.DASHES))
    assert len({(look["color"], str(look["linestyle"])) for look in looks}) == len({look["gid"] for look in looks}) == 35


def test_a_line_under_another_is_seen_beside_it(tmp_path, monkeypatch):
    figure = drawn(tmp_path / "a", monkeypatch)  # two curves of the same numbers
    under, over = (line.get_linewidth() for line in figure.axes[0].lines[:2])
    assert under > 2 * over


def test_a_pdf_embeds_its_fonts_as_text(tmp_path):
    with drawing.styled():
        figure, _ = drawing.panels(1)
        figure.text(0, 0, "words")
        _, pdf = drawing.save(figure, tmp_path, "figure")
    content = pdf.read_bytes()
    assert b"/FontFile2" in content  # TrueType
    assert b"/Subtype /Type3" not in content
