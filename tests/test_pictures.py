"""Pictures: what is drawn, in which formats, what notebooks show, and the page in a browser."""
import json
import os
import pickle
import re
import stat
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import numpy as np
import pytest
from browser import Browser, find_browser

import cytensor as ct
import cytensor.tensor as T
from cytensor.printing import d3viz, d3write, dot, notebook, pydotprint, rendering

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def no_program(monkeypatch):
    """Hide Graphviz's program, so that its library draws."""
    monkeypatch.setattr(rendering.shutil, "which", lambda name: None)


@pytest.fixture
def no_graphviz(no_program, monkeypatch):
    """Hide the library, too."""
    monkeypatch.setitem(__import__("sys").modules, "pygraphviz", None)


def network(profile=False):
    """A function with an input, shared variables, results and updates."""
    x = T.dmatrix("x")
    w = ct.shared(np.ones((3, 2)), name="w")
    y = T.nnet.sigmoid(x @ w)
    cost = y.sum()
    f = ct.function([x], cost, updates={w: w - 0.1 * ct.grad(cost, w)}, profile=profile)
    f(np.ones((4, 3)))
    return f


def text(fct, **options):
    """The lines of the DOT text, without the user's lines."""
    whole = pydotprint(fct, format="dot", **options).decode()
    return re.sub(r'tooltip="(?:[^"\\]|\\.)*"', "", whole).splitlines()


def line(lines, *words):
    """The one line that has all the words."""
    found = [line for line in lines if all([word in line for word in words])]
    assert len(found) == 1, (words, found)
    return found[0]


# ----- what is drawn -----

def test_boxes_have_the_colours_of_their_roles():
    x, w = T.dvector("x"), ct.shared(np.ones(3), name="w")
    y = T.exp(x * w + 2.0)
    y.name = "y"
    lines = text(y)
    assert 'fillcolor="limegreen"' in line(lines, "name=x")
    assert 'fillcolor="cyan"' in line(lines, "name=w")
    assert 'fillcolor="palegreen"' in line(lines, "val=2.0")
    assert 'fillcolor="blue"' in line(lines, "name=y")
    assert 'fillcolor="#FFAABB"' in line(lines, '"exp"', "ellipse")


def test_edges_are_numbered_and_typed():
    x = T.dvector("x")
    lines = text(T.sin(x) * x)
    assert line(lines, "->", "0 TensorType(float64, vector)")
    assert line(lines, "->", '[label="1"]')


def test_a_view_and_an_update_have_blue_edges():
    lines = text(network())
    assert line(lines, "UPDATE", 'color="blue"', 'class="update"')
    assert 'color="blue"' in line(text(T.dmatrix("x").T), "->", "view")


def test_a_leaf_that_is_also_a_result_is_cyan():
    x = T.dscalar("x")
    assert 'fillcolor="cyan"' in line(text([x, x + 1]), "name=x")


def test_not_compact_has_a_box_for_each_variable():
    x = T.dscalar("x")
    y = T.exp(T.sin(x))
    assert sum(["box" in line for line in text(y)]) == 2
    assert sum(["box" in line for line in text(y, compact=False)]) == 3


def test_labels_are_cut_and_numbered():
    x = T.dscalar("a_very_long_name_of_an_input")
    lines = text(T.exp(x), max_label_size=10, with_ids=True)
    assert line(lines, '"name=a_..."')
    assert line(lines, '"exp id=0"')
    assert line(text(T.exp(x), var_with_name_simple=True), '"a_very_long_name_of_an_input"')


def test_low_contrast_colours_the_border():
    lines = text(T.exp(T.dscalar("x")), high_contrast=False)
    assert 'color="limegreen"' in line(lines, "name=x")
    assert not any(["filled" in line for line in lines])


def test_colours_are_chosen_by_op_or_family():
    lines = text(T.exp(T.sin(T.dscalar("x"))), colorCodes={"sin": "red", "Elemwise": "gold"})
    assert 'fillcolor="red"' in line(lines, '"sin"')
    assert 'fillcolor="gold"' in line(lines, '"exp"')


def test_labels_are_quoted():
    x = T.dscalar('say "hi" \\ \n')
    root = svg_root(T.exp(x))
    assert any(['say "hi"' in (t.text or "") for t in root.iter(SVG + "text")])


def test_the_branches_of_ifelse_are_framed_or_missed_aloud(caplog):
    text(T.dscalar() + 1, cond_highlight=True)
    assert "cond_highlight is set but there is no IfElse node in the graph" in caplog.text


def test_the_branches_of_ifelse_are_framed():
    x = T.dscalar("x")
    shared = T.exp(x)
    y = ct.ifelse(x > 0, T.sin(shared), T.cos(shared), name="choice")
    for wanted in ("choice", True, y.owner):
        lines = text(y, cond_highlight=wanted)
        keys = {op: line(lines, f'"{op}"').split()[0] for op in ("sin", "cos", "exp")}
        for name, op in (("Left", "sin"), ("Right", "cos"), ("Middle", "exp")):
            assert f" {keys[op]};" in line(lines, f'"cluster_{name}"')
        assert 'fillcolor="magenta"' in line(lines, '"ifelse"')


def test_graphs_inside_are_drawn_beside(tmp_path):
    x = T.dvector("x")
    total, _ = ct.scan(lambda a, s: T.sin(a * s), sequences=x, outputs_info=T.constant(0.0))
    whole = ct.OpFromGraph([x], [T.cos(x)], name="inner graph")(total)
    pydotprint(whole, tmp_path / "a.dot", format="dot", scan_graphs=True, print_output_file=False)
    names = {path.name.rstrip("0123456789.dot") for path in tmp_path.iterdir()}
    assert names == {"a", "a_scan_", "a_inner_graph_"}
    inside = next(tmp_path.glob("a_scan_*")).read_text()
    assert '"sin"' in inside and '"cos"' not in inside


def test_what_cannot_be_drawn_says_so():
    with pytest.raises(TypeError, match=r"a picture shows a variable.* not int"):
        pydotprint(3)


# ----- formats -----

def svg_root(fct):
    return ET.fromstring(pydotprint(fct, format="svg"))


def test_svg_without_the_program(no_program):
    root = svg_root(network())
    assert root.tag == SVG + "svg"
    titles = [g for g in root.iter(SVG + "g") if g.get("class") == "node"]
    assert len(titles) > 5
    assert any([t.text == "sigmoid" for t in root.iter(SVG + "text")])


@pytest.mark.parametrize("format, start", [
    ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_formats(format, start, no_program, tmp_path, capsys):
    image = pydotprint(T.exp(T.dscalar("x")), tmp_path / "picture", format=format)
    assert image.startswith(start)
    assert (tmp_path / f"picture.{format}").read_bytes() == image.data
    assert "picture" in capsys.readouterr().out
    assert getattr(image, f"_repr_{format}_")() is not None
    assert pickle.loads(pickle.dumps(image)).format == format


def test_an_installed_program_is_used(monkeypatch, tmp_path):
    program = tmp_path / "dot"
    program.write_text('#!/bin/sh\n[ "$1" = -Tsvg ] || { echo no >&2; exit 1; }\ncat\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert pydotprint(T.dscalar("x") + 1, format="svg").startswith(b"digraph")
    with pytest.raises(ValueError, match="cannot draw 'nothing': no"):
        pydotprint(T.dscalar("x") + 1, format="nothing")


def test_without_graphviz_the_error_says_what_to_install(no_graphviz):
    with pytest.raises(ImportError, match=re.escape("pip install 'cytensor[viz]'")):
        pydotprint(T.dscalar("x") + 1)
    assert pydotprint(T.dscalar("x") + 1, format="dot").startswith(b"digraph")


def test_theanos_way_to_write_a_file(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert pydotprint(T.dscalar("x") + 1, return_image=False, format="svg") is None
    assert (tmp_path / "cytensor.pydotprint.svg").exists()
    pydotprint(T.dscalar("x") + 1, "a.dot", format="dot", print_output_file=False)
    d3write(T.dscalar("x") + 1, "b.dot")
    assert (tmp_path / "b.dot").read_text().startswith("digraph")
    assert capsys.readouterr().out.count("available at") == 1


def test_a_graph_with_outputs_is_drawn():
    graph = SimpleNamespace(outputs=[T.exp(T.dscalar("x"))])
    assert line(text(graph), '"exp"')


# ----- notebooks -----

def test_notebooks_show_pictures():
    x = T.dscalar("x")
    for obj in (x, T.exp(x), T.constant(2.0), ct.shared(1.0), network()):
        assert ET.fromstring(obj._repr_svg_()).tag == SVG + "svg"
        assert "<svg" in obj._repr_html_()
    assert "<b>TensorType(float64, scalar)</b>" in T.exp(x)._repr_html_()
    assert "exp(x)" in T.exp(x)._repr_html_()
    assert "changes" in network()._repr_html_()


def test_notebooks_show_text_where_there_is_no_picture(no_graphviz):
    y = T.dvector("x") < 3
    assert y._repr_svg_() is None
    assert "<pre>lt [id A]" in y._repr_html_()
    assert "steps:" in network()._repr_html_()


def test_large_graphs_are_not_drawn():
    y = T.dscalar("x")
    for _ in range(notebook.MAX_LISTED):
        y = T.sin(y) + 1
    assert y._repr_svg_() is None
    assert "a graph of" in y._repr_html_()


# ----- the page -----

def test_the_page_needs_no_network(tmp_path):
    page = tmp_path / "new" / "page.html"
    x = T.dscalar("</script>")
    d3viz(T.exp(x), page)
    html = page.read_text()
    found = re.findall(r"(?:https?:)?//[\w.]+", re.sub(r"^\s*//.*$", "", html, flags=re.M))
    assert set(found) <= {"http://www.w3.org"}
    content = json.loads(re.search(r'type="application/json">(.*)</script>', html)[1])
    assert {node["label"] for node in content["nodes"]} >= {"exp", "</script>"}


def test_the_page_tells_times(tmp_path):
    d3viz(network(profile=True), tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text()
    assert '"profiled": true' in html and '"time": ' in html


def test_every_edge_ends_at_its_box(tmp_path):
    d3viz(network(), tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text()
    content = json.loads(re.search(r'type="application/json">(.*)</script>', html)[1])
    nodes = {node["key"]: node for node in content["nodes"]}
    for edge in content["edges"]:
        numbers = [float(n) for n in re.findall(r"-?[\d.]+", edge["path"])]
        ends = (numbers[:2], nodes[edge["tail"]]), (numbers[-2:], nodes[edge["head"]])
        for (x, y), box in ends:
            assert abs(x - box["x"]) <= box["width"] / 2 + 2
            assert abs(y - box["y"]) <= box["height"] / 2 + 2


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    d3viz(network(profile=True), folder / "page.html")
    with Browser(folder / "page.html", folder / "profile") as browser:
        yield browser
        assert not browser.errors


@pytest.mark.skipif(find_browser() is None, reason="no headless Chromium on this machine")
class TestBrowser:
    """A user explores the page."""

    @pytest.fixture(autouse=True)
    def reset(self, browser):
        browser.click(*browser.middle("#reset"))
        browser.mouse("Moved", 5, browser.SIZE[1] - 5)

    def key(self, browser, label):
        """The key of the node with a label."""
        return browser.run(f"graph.nodes.find(node => node.label.startsWith({label!r})).key")

    def test_all_is_drawn_in_the_window(self, browser):
        count = browser.run("document.querySelectorAll('.node').length")
        assert count == browser.run("graph.nodes.length") > 5
        inside = browser.run("[...nodes.values()].every(n => { const b = "
                             "n.group.getBoundingClientRect(); return b.x >= 0 && b.y >= 0 && "
                             "b.right <= innerWidth && b.bottom <= innerHeight; })")
        assert inside

    def test_the_mouse_over_a_node_tells_what_it_is(self, browser):
        assert browser.run("tooltip.hidden")
        browser.mouse("Moved", *browser.middle("#" + self.key(browser, "sigmoid")))
        assert not browser.run("tooltip.hidden")
        told = browser.run("tooltip.textContent")
        assert "sigmoid" in told
        assert "float64" in told
        assert "test_pictures.py:" in told
        browser.mouse("Moved", 5, browser.SIZE[1] - 5)
        assert browser.run("tooltip.hidden")

    def test_a_click_shows_details_and_what_depends(self, browser):
        browser.click(*browser.middle("#" + self.key(browser, "sigmoid")))
        assert "sigmoid" in browser.run("details.textContent")
        assert not browser.run("details.hidden")
        dimmed = set(browser.run("[...nodes.values()].filter(n => n.group.classList.contains("
                                 "'dim')).map(n => n.label)"))
        assert not dimmed & {"w", "x"}
        assert "dimshuffle{order=(1, 0)}" in dimmed
        browser.click(5, browser.SIZE[1] - 5)
        assert browser.run("details.hidden")
        assert browser.run("document.querySelectorAll('.dim').length") == 0

    def test_a_node_is_dragged_and_its_edges_follow(self, browser):
        key = self.key(browser, "x")
        x, y = browser.middle("#" + key)
        lines = browser.run(f"edges.filter(e => e.tail === {key!r}).map(e => "
                            "e.line.getAttribute('d'))")
        browser.drag((x, y), (x + 100, y + 30))
        assert np.allclose(browser.middle("#" + key), (x + 100, y + 30), atol=1)
        assert browser.run("details.hidden")            # a drag is no click
        moved = browser.run(f"edges.filter(e => e.tail === {key!r}).map(e => "
                            "e.line.getAttribute('d'))")
        assert all([a != b for a, b in zip(lines, moved)])
        browser.click(*browser.middle("#reset"))
        assert np.allclose(browser.middle("#" + key), (x, y), atol=1)

    def test_the_graph_is_dragged_and_zoomed(self, browser):
        x, y = browser.middle("#n0")
        browser.drag((300, 880), (340, 860))
        assert np.allclose(browser.middle("#n0"), (x + 40, y - 20), atol=1)
        before = browser.run("view.scale")
        browser.mouse("Wheel", 600, 450, deltaX=0, deltaY=-200)
        assert browser.run("view.scale") > before

    def test_search_finds_and_goes_to(self, browser):
        browser.click(*browser.middle("#search"))
        browser.type("sigmo")
        assert browser.run("count.textContent").endswith("found")
        found = browser.run("[...document.querySelectorAll('.found text')].map(t => t.textContent)")
        assert "sigmoid" in found
        browser.type("\n")
        assert "sigmo" in browser.run("details.textContent")
        middle = browser.middle(".chosen")
        assert np.allclose(middle, np.array(browser.run("[innerWidth, innerHeight]")) / 2, atol=60)

    def test_times_colour_the_ops(self, browser):
        slow = browser.run("graph.nodes.find(node => node.share === 1).key")
        color = f"nodes.get({slow!r}).shape.style.fill"
        before = browser.run(color)
        browser.click(*browser.middle("#profile"))
        assert browser.run(color) != before
        browser.click(*browser.middle("#profile"))
        assert browser.run(color) == before


def test_families_have_colours():
    assert set(dot._FAMILIES.values()) <= set(dot.COLOR_CODES)
