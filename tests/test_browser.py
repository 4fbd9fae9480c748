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
from pathlib import Path
from urllib.parse import urlparse

import nbformat
import pytest

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


@pytest.fixture(scope="module")
def jupyterlab(tmp_path_factory):
    """Address of a JupyterLab over a lab of copies."""
    home = tmp_path_factory.mktemp("jupyter")
    lab = tmp_path_factory.mktemp("lab")
    (lab / "pyproject.toml").write_text("[tool.moe_lab]\n")
    for name in TINY:
        tiny_copy(name, lab)
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


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TINY))
def test_all_cells_run_in_jupyterlab(name, jupyterlab, browser):
    page = browser.new_page()
    page.set_default_timeout(120_000)
    hosts, errors = set(), []
    page.on("request", lambda request: hosts.add(urlparse(request.url).hostname))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{jupyterlab}/workspaces/ci-{name}/tree/{name}.ipynb?reset&token={TOKEN}")
    page.get_by_text("| Idle").first.wait_for()
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(ALL_RUN)
    error = "[data-mime-type='application/vnd.jupyter.error']"
    assert page.locator(f".jp-OutputArea-output{error}").all_inner_texts() == []
    assert page.locator(".jp-OutputArea-output img").count() >= 4
    assert errors == []
    assert hosts <= {"127.0.0.1", None}
    page.close()
