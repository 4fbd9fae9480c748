"""What is of pandas: frames, series, indices, timestamps, missing values."""

from moe_lab.saving.kinds import Kind

INDICES = (
    "pandas.Index",
    "pandas.RangeIndex",
    "pandas.DatetimeIndex",
    "pandas.TimedeltaIndex",
    "pandas.CategoricalIndex",
)


def _encode_values(values, encoder):
    """Encode a column or an index: numbers as an array, all else value by value."""
    import numpy as np
    import pandas as pd

    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories = _encode_values(dtype.categories, encoder)
        codes = encoder.files.add_array(np.asarray(pd.Categorical(values).codes))
        return {"codes": codes, "categories": categories, "ordered": bool(dtype.ordered)}
    if isinstance(dtype, np.dtype) and not dtype.hasobject:
        return {"array": encoder.files.add_array(values.to_numpy())}
    listed = [encoder.encode(one, f"[{i}]") for i, one in enumerate(values.astype(object))]
    return {"dtype": str(dtype), "values": listed}


def _decode_values(node, decoder):
    import pandas as pd

    if "codes" in node:
        categories = pd.Index(_decode_values(node["categories"], decoder))
        codes = decoder.files.array(node["codes"])
        return pd.Categorical.from_codes(codes, categories, ordered=node["ordered"])
    if "array" in node:
        return decoder.files.array(node["array"])
    return pd.array([decoder.decode(one) for one in node["values"]], dtype=node["dtype"])


def _encode_index(value, encoder):
    import pandas as pd

    name = encoder.encode(value.name)
    if isinstance(value, pd.RangeIndex):
        return {"range": [value.start, value.stop, value.step], "name": name}
    return {**_encode_values(value, encoder), "name": name}


def _decode_index(node, decoder):
    import pandas as pd

    name = decoder.decode(node["name"])
    if "range" in node:
        return pd.RangeIndex(*node["range"], name=name)
    return pd.Index(_decode_values(node, decoder), name=name)


def _encode_series(value, encoder):
    node = {"index": encoder.encode(value.index, ".index"), "name": encoder.encode(value.name)}
    return {**node, "column": _encode_values(value, encoder)}


def _decode_series(node, decoder):
    import pandas as pd

    values, index = _decode_values(node["column"], decoder), decoder.decode(node["index"])
    return pd.Series(values, index=index, name=decoder.decode(node["name"]))


def _encode_frame(value, encoder):
    columns = [_encode_values(value.iloc[:, j], encoder) for j in range(value.shape[1])]
    index, names = encoder.encode(value.index, ".index"), encoder.encode(value.columns, ".columns")
    return {"index": index, "names": names, "columns": columns}


def _decode_frame(node, decoder):
    import pandas as pd

    columns = dict(enumerate(_decode_values(one, decoder) for one in node["columns"]))
    frame = pd.DataFrame(columns, index=decoder.decode(node["index"]))
    frame.columns = decoder.decode(node["names"])
    return frame


def _encode_timestamp(value, _):
    return [value.value, value.unit, None if value.tz is None else str(value.tz)]


def _decode_timestamp(node, _):
    import pandas as pd

    nanoseconds, unit, zone = node
    made = pd.Timestamp(nanoseconds, unit="ns", tz=zone)
    return made.as_unit(unit)


def _decode_timedelta(node, _):
    import pandas as pd

    return pd.Timedelta(node[0], unit="ns").as_unit(node[1])


def _missing(name):
    def decode(node, decoder):
        import pandas as pd

        return getattr(pd, name)

    return decode


KINDS = [
    Kind("frame", ("pandas.DataFrame",), _encode_frame, _decode_frame, shared=True),
    Kind("series", ("pandas.Series",), _encode_series, _decode_series, shared=True),
    Kind("index", INDICES, _encode_index, _decode_index, shared=True),
    Kind("timestamp", ("pandas.Timestamp",), _encode_timestamp, _decode_timestamp),
    Kind(
        "pandas_timedelta",
        ("pandas.Timedelta",),
        lambda value, _: [value.value, value.unit],
        _decode_timedelta,
    ),
    Kind("NA", ("pandas.NAType",), lambda value, _: True, _missing("NA")),
    Kind("NaT", ("pandas.NaTType",), lambda value, _: True, _missing("NaT")),
]
