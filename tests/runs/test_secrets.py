"""Secrets: taken by reference alone, read by the kernel, and in no file of the run."""

import base64
import json

import pytest

from moe_lab.runs import read_runs
from moe_lab.runs.secrets import Redactor, check_secret, is_secret

SECRET = 'tr0ub4dor&"3"é'


@pytest.fixture
def secret(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", SECRET)
    return SECRET


@pytest.mark.parametrize("name", ["token", "hf_token", "API_KEY", "db_password", "client_secret_2"])
def test_a_name_with_such_a_word_is_a_secret(name):
    assert is_secret(name)
    with pytest.raises(ValueError, match="must be env:NAME") as error:
        check_secret(name, "hunter22")
    assert "hunter22" not in str(error.value)


@pytest.mark.parametrize("name", ["n_tokens", "secretary", "keys", "passwordless", "tokenizer"])
def test_a_name_with_a_longer_word_is_none(name):
    check_secret(name, "anything")


def test_a_variable_that_is_not_set_is_told_before_the_run(inside, kernel, run, monkeypatch):
    monkeypatch.delenv("MY_TOKEN", raising=False)
    inside.notebook("exp", 'token = ""', "token")
    with pytest.raises(ValueError, match="got MY_TOKEN with none"):
        run(token="env:MY_TOKEN")
    assert kernel.asked == []


@pytest.mark.parametrize("end", ["", "raise ValueError(f'no entry with {token}')"])
def test_a_secret_is_read_by_the_kernel_and_found_in_no_file(inside, run, secret, end):
    code = f"""
        import os, sys, json, base64, pathlib
        folder = pathlib.Path(os.environ["MOE_LAB_RUN_FOLDER"])
        (folder / "length.txt").write_text(str(len(token)))
        (folder / "own.json").write_text(json.dumps({{"token": token}}))
        print(token, repr(token), json.dumps(token), file=sys.stderr)
        os.write(1, ("raw " + token + "\\n").encode())
        display({{"text/html": "<b>" + token + "</b>"}}, raw=True)
        print(base64.b64encode(token.encode()).decode())
        {end}
    """
    inside.notebook("exp", 'token = ""  # of the server', code, "token")

    (outcome,) = run(token="env:MY_TOKEN")

    (record,) = read_runs("exp")
    assert outcome.status == ("failed" if end else "done")
    assert record["parameters"]["token"] == "env:MY_TOKEN"
    assert (outcome.path / "length.txt").read_text() == str(len(SECRET))
    written = {path: path.read_bytes() for path in outcome.path.rglob("*") if path.is_file()}
    forms = [SECRET, repr(SECRET)[1:-1], json.dumps(SECRET)[1:-1]]
    forms += [json.dumps(SECRET, ensure_ascii=False)[1:-1]]
    forms += [base64.b64encode(SECRET.encode()).decode()]
    assert [path for path, text in written.items() for form in forms if form.encode() in text] == []
    assert b"[redacted]" in written[outcome.path / "log.txt"]
    assert SECRET not in str(outcome)


def test_what_was_written_before_a_kernel_died_holds_none_either(inside, run, secret):
    inside.notebook("exp", 'token = ""', "print(token, flush=True)\nimport os; os._exit(3)")
    (outcome,) = run(token="env:MY_TOKEN")
    assert outcome.status == "died"
    assert not any(
        SECRET.encode() in path.read_bytes() for path in outcome.path.rglob("*") if path.is_file()
    )


def test_without_secrets_nothing_is_rewritten(tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(b"\xff\x00")
    Redactor({"seed": 0}).files([file])
    assert file.read_bytes() == b"\xff\x00"
