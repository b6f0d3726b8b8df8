"""The documentation is true: its code runs, its tables are those of the code, its links lead on."""
import doctest
import importlib
import pkgutil
import re
import shlex
from pathlib import Path

import pytest

import cytensor
from cytensor import config

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def blocks(path, language):
    """The code blocks of a page, of one language."""
    return [text for name, text in FENCE.findall(path.read_text()) if name == language]


def modules():
    """Every module of the package, but for kernels that this CPU might not be able to run."""
    names = [module.name for module in pkgutil.walk_packages(cytensor.__path__, "cytensor.")]
    return ["cytensor", *[name for name in names if "._kernels_" not in name]]


@pytest.mark.parametrize("name", modules())
def test_doctests(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert not result.failed


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_of_a_page_runs(path):
    names = {}
    for text in blocks(path, "python"):
        if ">>>" in text:
            parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
            runner.run(parser.get_doctest(text, names, path.name, str(path), 0), clear_globs=False)
            assert not runner.failures
        else:
            exec(compile(text, str(path), "exec"), names)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(path):
    missing = [link for link in LINK.findall(path.read_text())
               if not (path.parent / link).exists()]
    assert not missing


def test_flags_page_has_every_setting_as_it_is():
    text = (ROOT / "docs" / "flags.md").read_text()
    for name, (default, _, purpose) in config.FLAGS.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` "))
        assert f"`CYTENSOR_{name.upper()}`" in row
        assert str(default) in row
        assert purpose[1:] in row
    assert text.count("\n| `") == len(config.FLAGS)


def test_ci_runs_the_test_command_of_the_readme():
    command = readme_command("pytest")
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


def test_the_readme_runs_the_examples_as_they_are():
    script, *models = shlex.split(readme_command("examples/").split("&&")[1])[1:]
    assert (ROOT / script).exists()
    assert models


def readme_command(word):
    """The first shell command of the README in which a word occurs."""
    lines = [line for text in blocks(ROOT / "README.md", "sh") for line in text.splitlines()]
    return next(line for line in lines if word in line)
