"""Containers of values: tuples, dicts, sets, slices, arrays, random states."""

import numpy as np

from moe_lab.saving.kinds import Kind

NUMBERS = "biufcSUVmM"  # kinds of dtypes that an npy file holds without pickle


def _all(values, encoder):
    return [encoder.encode(one, f"[{i}]") for i, one in enumerate(values)]


def _pairs(value, encoder):
    return [[encoder.encode(k, ".keys()"), encoder.encode(v, f"[{k!r}]")] for k, v in value.items()]


def _dict(node, decoder):
    return {decoder.decode(key): decoder.decode(one) for key, one in node}


def _ordered(node, decoder):
    from collections import OrderedDict

    return OrderedDict(_dict(node, decoder))


def _encode_defaults(value, encoder):
    return [encoder.encode(value.default_factory, ".default_factory"), _pairs(value, encoder)]


def _decode_defaults(node, decoder):
    from collections import defaultdict

    return defaultdict(decoder.decode(node[0]), _dict(node[1], decoder))


def _bunch(node, decoder):
    from sklearn.utils import Bunch

    return Bunch(**_dict(node, decoder))


def _values(node, decoder):
    return (decoder.decode(one) for one in node)


def _encode_slice(value, encoder):
    return _all((value.start, value.stop, value.step), encoder)


def _encode_range(value, _):
    return [value.start, value.stop, value.step]


def _encode_array(value, encoder):
    if value.dtype.kind in NUMBERS and not value.dtype.hasobject:
        return encoder.files.add_array(value)
    if value.dtype != object:
        raise encoder.refuse(value, f"arrays of {value.dtype} cannot be saved")
    return {"shape": list(value.shape), "objects": _all(value.ravel(), encoder)}


def _decode_array(node, decoder):
    if isinstance(node, str):
        return decoder.files.array(node)
    values = np.empty(len(node["objects"]), dtype=object)
    values[:] = [decoder.decode(one) for one in node["objects"]]
    return values.reshape(node["shape"])


def _encode_random_state(value, encoder):
    return encoder.encode(value.get_state(legacy=False))


def _decode_random_state(node, decoder):
    made = np.random.RandomState()
    made.set_state(decoder.decode(node))
    return made


KINDS = [
    Kind("tuple", ("builtins.tuple",), _all, lambda node, decoder: tuple(_values(node, decoder))),
    Kind("set", ("builtins.set",), _all, lambda node, decoder: set(_values(node, decoder))),
    Kind(
        "frozenset",
        ("builtins.frozenset",),
        _all,
        lambda node, decoder: frozenset(_values(node, decoder)),
    ),
    Kind("dict", ("builtins.dict",), _pairs, _dict),
    Kind("ordered", ("collections.OrderedDict",), _pairs, _ordered),
    Kind("defaults", ("collections.defaultdict",), _encode_defaults, _decode_defaults),
    Kind("bunch", ("sklearn.utils._bunch.Bunch",), _pairs, _bunch),
    Kind(
        "slice",
        ("builtins.slice",),
        _encode_slice,
        lambda node, decoder: slice(*_values(node, decoder)),
    ),
    Kind("range", ("builtins.range",), _encode_range, lambda node, _: range(*node)),
    Kind("array", ("numpy.ndarray", "numpy.memmap"), _encode_array, _decode_array, shared=True),
    Kind(
        "random_state",
        ("numpy.random.mtrand.RandomState",),
        _encode_random_state,
        _decode_random_state,
        shared=True,
    ),
]
