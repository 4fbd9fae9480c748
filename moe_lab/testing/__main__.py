"""python -m moe_lab.testing JOB: run laws and say in lines of JSON what comes of them.

It is what `moe-lab plugins check` starts; what it says is heard by `moe_lab.registry.checking`.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
import warnings
from functools import partial
from pathlib import Path

SHOWN = 3  # lines of an error; of one of numpy's:
MEASURED = ("Mismatched elements", "Max absolute difference")


def main(job: dict) -> None:
    """Check the plugins that a job names."""
    say = _voice()
    sys.path[:] = job["path"]
    warnings.simplefilter("ignore")
    from moe_lab.registry.checking import IMPORT
    from moe_lab.testing import finding
    from moe_lab.testing.examples import example
    from moe_lab.testing.laws import HONEST, check_contract, laws_of
    from moe_lab.testing.simplifying import smallest_failing

    say(what="begin", **IMPORT)
    start = time.monotonic()
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            plugins = finding.plugins(job["target"], job["kind"], job["pickled"])
        places = tuple(listed.entry(name).origin for listed, name in plugins)
        told = [str(one.message) for one in warned if str(one.message).startswith(places)]
        say(what="end", error="\n".join(told), seconds=time.monotonic() - start)
    except finding.NotThere as error:
        say(what="refused", error=str(error))
        return
    except (Exception, SystemExit) as error:
        say(what="end", error=_words(error), seconds=time.monotonic() - start)
        say(what="finished")
        return
    for listed, name in plugins:
        kind = listed.kind.replace(" ", "")
        say(what="plugin", kind=kind, name=name, origin=listed.card(name).origin)
        skip = {law for *plugin, law in job["skip"] if plugin == [kind, name]}
        contract = partial(check_contract, listed, name)
        if "check_contract" not in skip and _run(say, check_contract, contract):
            continue  # it cannot be made: no law says more
        for law in laws_of(listed):
            check = partial(_on_example, law, listed, name)
            if law.__name__ not in skip and _run(say, law, check) and kind in HONEST:
                found = smallest_failing(law, example(listed, name), HONEST[kind]())
                if found is not None:
                    say(what="input", words=str(found))
    say(what="finished")


def _on_example(law, listed, name):
    from moe_lab.testing.examples import example

    law(example(listed, name))


def _run(say, law, check):
    """Run one law; return whether it is broken."""
    say(what="begin", law=law.__name__, sentence=" ".join(law.__doc__.partition("\n\n")[0].split()))
    start, error = time.monotonic(), ""
    try:
        check()
    except (Exception, SystemExit) as broken:
        error = _words(broken)
    say(what="end", error=error, seconds=time.monotonic() - start)
    return bool(error)


def _words(error):
    """Say what was raised, and by which line of the plugin or of the law."""
    said = [line for line in str(error).splitlines() if line.strip()]
    frames = [
        one
        for one in traceback.extract_tb(error.__traceback__)
        if "site-packages" not in one.filename
    ]
    if not said and isinstance(error, AssertionError):
        said = [f"{frames[-1].line} does not hold"]
    where = frames[-1] if frames else None
    place = f" ({Path(where.filename).name}, line {where.lineno})" if where else ""
    first, *more = said or ["no words"]
    measured = [line for line in more if line.startswith(MEASURED)] or more[: SHOWN - 1]
    return "\n".join([f"{type(error).__name__}: {first}{place}", *measured])


def _voice():
    """Return what prints a line of JSON where stdout was; all other output goes to stderr."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(**words):
        print(json.dumps(words), file=out, flush=True)

    return say


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
