"""Public signatures have type hints: every parameter, and what is returned."""

import ast
from pathlib import Path

import pytest

import moe_lab

ROOT = Path(moe_lab.__file__).parent
PARTS = sorted({one.relative_to(ROOT).parts[0] for one in ROOT.rglob("*.py")})


def without_hints(source):
    """Yield the public functions of a module that lack hints, and what is bare of them."""
    for name, function in _public(ast.parse(source)):
        args = function.args
        named = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
        given = [one for one in named if one and one.arg not in ("self", "cls")]
        bare = [one.arg for one in given if one.annotation is None]
        if function.returns is None and function.name != "__init__":
            bare.append("return")
        if bare:
            yield f"{name}: {', '.join(bare)}"


def _public(body, prefix=""):
    for one in body.body:
        if isinstance(one, ast.If | ast.Try):
            yield from _public(one, prefix)
        if not hasattr(one, "name") or (one.name.startswith("_") and one.name != "__init__"):
            continue
        if isinstance(one, ast.ClassDef):
            yield from _public(one, f"{prefix}{one.name}.")
        elif not _is_command(one):
            yield prefix + one.name, one


def _is_command(function):
    """Whether click calls it."""
    asked = (ast.unparse(one).split("(")[0] for one in function.decorator_list)
    return any(one.split(".")[-1] in ("command", "group") for one in asked)


@pytest.mark.parametrize("name", PARTS)
def test_public_signatures_have_type_hints(name):
    modules = [ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py")
    bare = {str(one.relative_to(ROOT)): list(without_hints(one.read_text())) for one in modules}
    assert bare
    assert {module: functions for module, functions in bare.items() if functions} == {}


PLANTED = """
def told(x: int, *rest: int, **options: float) -> int:
    def inner(x): ...

def untold(x, *rest, y: int = 0, **options): ...

async def later(x: int): ...

def _private(x): ...

class Public:
    def __init__(self, x): ...
    def told(self) -> None: ...
    def untold(self, x): ...
    def _private(self, x): ...
    class Inner:
        @classmethod
        def untold(cls, x) -> None: ...

class _Private:
    def untold(self, x): ...

if True:
    def hidden(x: int): ...

@click.command()
@click.option("--x")
def command(x): ...
"""


def test_a_planted_signature_without_hints_is_found():
    assert list(without_hints(PLANTED)) == [
        "untold: x, rest, options, return",
        "later: return",
        "Public.__init__: x",
        "Public.untold: x, return",
        "Public.Inner.untold: x",
        "hidden: return",
    ]
