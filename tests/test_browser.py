"""JupyterLab in a real browser: notebooks open, all cells run, nothing leaves the machine."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import nbformat
import pytest
from numpy.testing import assert_allclose

ROOT = Path(__file__).parent.parent
TOKEN = "ci"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
SETTINGS = {
    "notebook-extension/tracker": {"autoStartDefault": True, "windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
TINY = {  # lines of the parameters cell that the copy has instead
    "00_four_steps": {"n_samples": "80"},
    "01_compare": {
        "dataset": '"concrete"',
        "experts": '"linear, extra_trees"',
        "methods": '"linear"',
        "baseline": '"average"',
        "folds": "2",
    },
}


def tiny_copy(name, folder):
    """Copy a notebook with tiny parameters, as someone would edit them."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    cell = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    for parameter, value in TINY[name].items():
        cell.source, count = re.subn(
            rf"^{parameter} = .*$", f"{parameter} = {value}", cell.source, flags=re.M
        )
        assert count == 1
    nbformat.write(notebook, folder / f"{name}.ipynb")


EXPLORED = """
import numpy as np
import pandas as pd
from moe_lab import MoERegressor

rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(size=(2000, 3)), columns=["size", "age", "noise"])
X["colour"] = rng.choice(["red", "blue"], 2000)
y = np.abs(X["size"]) + (X["colour"] == "red") + rng.normal(0, 0.1, 2000)
train = ("em", {"n_init": 1})
moe = MoERegressor("linear", n_experts=2, train=train, random_state=0).fit(X, y)
"""


TRAINED = """
import numpy as np
from moe_lab import MoERegressor

X = np.random.default_rng(0).normal(size=(20_000, 5))
y = np.abs(X[:, 0]) + np.random.default_rng(1).normal(0, 0.5, 20_000)
train = ("em", {"n_init": 1, "tol": 0, "max_iter": 1_000_000, "quasi_newton": False})
moe = MoERegressor("linear", n_experts=3, train=train, random_state=0, verbose=2).fit(X, y)
"""
WRITTEN = {
    "explore": (EXPLORED, "moe.explore(X, columns=('size', 'age'))"),
    "training": (TRAINED, "print(len(moe.history_), 'rounds', moe.predict(X).shape)"),
}


def write_notebook(name, folder):
    cells = [nbformat.v4.new_code_cell(code) for code in WRITTEN[name]]
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / f"{name}.ipynb")


@pytest.fixture(scope="module")
def jupyterlab(tmp_path_factory):
    """Address of a JupyterLab over a lab of copies."""
    home = tmp_path_factory.mktemp("jupyter")
    lab = tmp_path_factory.mktemp("lab")
    (lab / "pyproject.toml").write_text("[tool.moe_lab]\n")
    for name in TINY:
        tiny_copy(name, lab)
    for name in WRITTEN:
        write_notebook(name, lab)
    folders = ("JUPYTER_CONFIG", "JUPYTER_DATA", "JUPYTER_RUNTIME", "JUPYTERLAB_SETTINGS")
    folders = {f"{key}_DIR": str(home / key) for key in (*folders, "JUPYTERLAB_WORKSPACES")}
    for plugin, settings in SETTINGS.items():
        path = Path(folders["JUPYTERLAB_SETTINGS_DIR"], "@jupyterlab", plugin)
        path = path.with_name(path.name + ".jupyterlab-settings")
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(settings))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "IdentityProvider.token": TOKEN,
        "ServerApp.root_dir": lab,
        "LabApp.news_url": None,
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "LabApp.extension_manager": "readonly",
        "LabApp.expose_app_in_browser": True,
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--{key}={value}" for key, value in options.items()]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MOE_LAB_")}
    environment |= folders | {"IPYTHONDIR": str(home / "ipython")}
    environment.pop("MPLBACKEND", None)  # as in a session of a person: inline figures
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=lab, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}/lab"
    try:
        wait_for(address, server, home / "log")
        yield address
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(home, ignore_errors=True)


def wait_for(address, server, log):
    for _ in range(120):
        try:
            urllib.request.urlopen(f"{address}?token={TOKEN}", timeout=5).close()
            return
        except OSError:
            assert server.poll() is None, log.read_text()
            time.sleep(0.5)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def browser(chromium):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


ALL_RUN = """() => {
    const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')];
    return prompts.length > 0 && prompts.every(p => /\\[\\d+\\]/.test(p.textContent));
}"""


@contextmanager
def opened(name, jupyterlab, browser, meanwhile=None):
    """Open a notebook and run all cells; no error in it, nothing asked from elsewhere."""
    page = browser.new_page(viewport={"width": 1500, "height": 1000})
    page.set_default_timeout(120_000)
    hosts, errors = set(), []
    page.on("request", lambda request: hosts.add(urlparse(request.url).hostname))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{jupyterlab}/workspaces/ci-{name}/tree/{name}.ipynb?reset&token={TOKEN}")
    page.get_by_text("| Idle").first.wait_for()
    run_all = "window.jupyterapp.commands.execute('notebook:run-all-cells')"
    page.evaluate(f"() => {{ {run_all}; }}" if meanwhile else run_all)
    if meanwhile:
        meanwhile(page)
    page.wait_for_function(ALL_RUN)
    error = "[data-mime-type='application/vnd.jupyter.error']"
    assert page.locator(f".jp-OutputArea-output{error}").all_inner_texts() == []
    yield page
    assert errors == []
    assert hosts <= {"127.0.0.1", None}
    page.close()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TINY))
def test_all_cells_run_in_jupyterlab(name, jupyterlab, browser):
    with opened(name, jupyterlab, browser) as page:
        assert page.locator(".jp-OutputArea-output img").count() >= 4


class Hand:
    """Whoever clicks and drags in the explorer of a page."""

    def __init__(self, page):
        self.page, self.root = page, page.locator(".moe-explorer")
        self.canvas = self.root.locator("canvas")
        self.root.locator("tr[data-expert]").first.wait_for()

    def told(self, since=None):
        """Return what is shown of the row, once it has changed."""
        shown = "() => document.querySelector('.moe-explorer').dataset.told"
        self.page.wait_for_function(f"old => ({shown})() !== old", arg=since)
        self.page.wait_for_timeout(500)  # the last of a drag's answers
        return self.page.evaluate(shown)

    def click(self, features, places):
        """Click where a row stands in the map of two features."""
        box = json.loads(self.canvas.get_attribute("data-box"))
        low, high = features.min(), features.max()
        share = (places - low) / (high - low)
        x = box["left"] + box["width"] * share.iloc[0]
        y = box["top"] + box["height"] * (1 - share.iloc[1])
        self.canvas.click(position={"x": float(x), "y": float(y)})

    def drag(self, feature, share):
        slider = self.root.locator(f".moe-slider[data-feature='{feature}'] input[type=range]")
        box = slider.bounding_box()
        y, ends = box["y"] + box["height"] / 2, (0.5, share)
        x = [box["x"] + end * box["width"] for end in ends]
        self.page.mouse.move(x[0], y)
        self.page.mouse.down()
        self.page.mouse.move(x[1], y, steps=8)
        self.page.mouse.up()


def explored():
    """Return the mixture and the table of the notebook."""
    made = {}
    exec(EXPLORED, made)
    return made["moe"], made["X"]


@pytest.mark.browser
@pytest.mark.slow
def test_the_explorer_answers_clicks_and_drags_as_gate_weights_does(jupyterlab, browser, tmp_path):
    moe, X = explored()
    with opened("explore", jupyterlab, browser) as page:
        hand = Hand(page)
        shown = hand.told()
        plane = X[["size", "age"]]
        alone = plane.sub(plane.median()).abs().max(axis=1).idxmax()  # no point near it hides it
        hand.click(plane, plane.loc[alone])
        clicked = hand.told(since=shown)
        assert_allclose(
            json.loads(clicked)["weights"], moe.gate_weights(X.loc[[alone]])[0], atol=1e-9
        )
        assert page.get_by_text(f"row {alone}", exact=True).is_visible()

        hand.drag("size", 0.8)
        dragged = hand.told(since=clicked)
        row = X.loc[[alone]].assign(size=json.loads(dragged)["places"][0])
        assert abs(row["size"].iloc[0] - X["size"].loc[alone]) > 0.1
        assert_allclose(json.loads(dragged)["weights"], moe.gate_weights(row)[0], atol=1e-9)
        assert_allclose(json.loads(dragged)["pooled"], moe.predict(row)[0], atol=1e-9)
        spent = {ask: hand.root.get_attribute(f"data-{ask}-ms") for ask in ("row", "map")}
        print(f"milliseconds of the answer to a drag: {spent}")

        page.locator("tr[data-expert] input").first.uncheck()
        alone = json.loads(hand.told(since=dragged))
        assert_allclose(alone["pooled"], moe.expert_predictions(row)[0, 1, 0], atol=1e-9)
        assert page.locator(".jp-OutputArea-output img").first.is_hidden()  # for exports
        page.screenshot(path=tmp_path / "explorer.png")


@pytest.mark.browser
@pytest.mark.slow
def test_the_stop_button_ends_a_fit_with_the_best_so_far(jupyterlab, browser, tmp_path):
    def stop(page):
        button = page.locator(".moe-training button")
        button.wait_for()
        page.wait_for_timeout(1000)
        page.screenshot(path=tmp_path / "training.png")
        button.click()

    with opened("training", jupyterlab, browser, stop) as page:
        page.get_by_text("EM was interrupted after").wait_for()
        assert page.get_by_text("rounds (20000,)").is_visible()
        assert page.locator(".moe-training button").is_hidden()
