"""Single values that JSON lacks: numbers that are none, numpy's scalars, dates, bytes."""

import base64
import datetime
from pathlib import Path

import numpy as np

from moe_lab.saving.kinds import Kind

NAMES = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 longlong ulonglong float16 float32 "
    "float64 longdouble complex64 complex128 str_ bytes_ datetime64 timedelta64"
)
NUMPY = tuple(f"numpy.{name}" for name in NAMES.split())


def _encode_scalar(value, encoder):
    kind = value.dtype.kind
    if kind in "biu":
        return [value.dtype.str, int(value)]
    if kind == "f" and value.dtype.itemsize <= 8 and np.isfinite(value):
        return [value.dtype.str, float(value)]
    return encoder.files.add_array(np.asarray(value))


def _decode_scalar(node, decoder):
    if isinstance(node, str):
        return decoder.files.array(node)[()]
    return np.dtype(node[0]).type(node[1])


def _encode_seconds(value, _):
    return [value.days, value.seconds, value.microseconds]


PATHS = ("PosixPath", "WindowsPath")

KINDS = [
    Kind("float", ("builtins.float",), lambda value, _: repr(value), lambda node, _: float(node)),
    Kind("scalar", NUMPY, _encode_scalar, _decode_scalar),
    Kind(
        "bytes",
        ("builtins.bytes",),
        lambda value, _: base64.b64encode(value).decode(),
        lambda node, _: base64.b64decode(node),
    ),
    Kind(
        "path",
        tuple(f"{module}.{name}" for module in ("pathlib", "pathlib._local") for name in PATHS),
        lambda value, _: str(value),
        lambda node, _: Path(node),
    ),
    Kind(
        "date",
        ("datetime.date",),
        lambda value, _: value.isoformat(),
        lambda node, _: datetime.date.fromisoformat(node),
    ),
    Kind(
        "datetime",
        ("datetime.datetime",),
        lambda value, _: value.isoformat(),
        lambda node, _: datetime.datetime.fromisoformat(node),
    ),
    Kind(
        "timedelta",
        ("datetime.timedelta",),
        _encode_seconds,
        lambda node, _: datetime.timedelta(*node),
    ),
]
