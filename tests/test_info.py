"""`python -m cytensor info` tells what runs here."""
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import cytensor
from cytensor import config
from cytensor.__main__ import main


def facts(text):
    """The lines of the output as a dict."""
    return dict(re.findall(r"^  (\S+(?: \S+)*) {2,}(.*)$", text, re.M))


def test_info_tells_versions_choices_and_settings(capsys):
    assert main(["info"]) == 0
    found = facts(capsys.readouterr().out)
    assert found["cytensor"] == cytensor.__version__
    assert found["NumPy"] == np.__version__
    assert re.match(r"\w+ \(of .+\)", found["instruction set"])
    assert int(found["kernel threads"]) >= 1
    assert "not known" not in found["BLAS"]
    assert set(config.FLAGS) <= set(found)


def test_info_shows_what_the_environment_changed(tmp_path):
    env = {**os.environ, "CYTENSOR_FLOATX": "float32"}
    done = subprocess.run([sys.executable, "-m", "cytensor", "info"], env=env, text=True,
                          cwd=tmp_path, capture_output=True, check=True)
    assert re.search(r"floatX +'float32' +CYTENSOR_FLOATX +\(default: 'float64'\)", done.stdout)


def test_info_goes_on_where_a_part_is_missing(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cytensor.cpu.blas", None)
    main(["info"])
    found = facts(capsys.readouterr().out)
    assert found["BLAS"].startswith("not known (")
    assert "floatX" in found


def test_an_unknown_command_is_refused():
    with pytest.raises(SystemExit):
        main(["inform"])
