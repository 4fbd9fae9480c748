"""Boosters and tensors: what has a format of its own, a file for each booster."""

import json
import tempfile
from pathlib import Path

from moe_lab.saving.kinds import Kind

CATBOOST = ("CatBoost", "CatBoostClassifier", "CatBoostRanker", "CatBoostRegressor")


def _encode_lightgbm(value, encoder):
    text = value.model_to_string(num_iteration=-1)
    file = encoder.files.add_booster("lightgbm", text.encode())
    return {
        "file": file,
        "best_iteration": value.best_iteration,
        "params": encoder.encode(value.params),
    }


def _decode_lightgbm(node, decoder):
    import lightgbm

    with decoder.files.reading(node["file"]) as data:
        made = lightgbm.Booster(model_str=data.decode())
    made.best_iteration, made.params = node["best_iteration"], decoder.decode(node["params"])
    return made


def _encode_xgboost(value, encoder):
    settings = json.loads(value.save_config())["learner"]["generic_param"]
    file = encoder.files.add_booster("xgboost", bytes(value.save_raw("ubj")))
    return {"file": file, "nthread": int(settings["nthread"])}


def _decode_xgboost(node, decoder):
    import xgboost

    with decoder.files.reading(node["file"]) as data:
        made = xgboost.Booster(model_file=bytearray(data))
    made.set_param({"nthread": node["nthread"]})
    return made


def _encode_catboost(value, encoder):
    file = None
    if value.is_fitted():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.cbm"
            value.save_model(str(path), format="cbm")
            file = encoder.files.add_booster("catboost", path.read_bytes())
    params = encoder.encode(value.get_params(), ".get_params()")
    return {"class": type(value).__qualname__, "file": file, "params": params}


def _decode_catboost(node, decoder):
    import catboost

    if node["class"] not in CATBOOST:
        raise ValueError(f"class of CatBoost must be one of {CATBOOST}, got {node['class']!r}.")
    made, params = getattr(catboost, node["class"])(), decoder.decode(node["params"])
    if node["file"] is None:
        return made.set_params(**params)
    with decoder.files.reading(node["file"]) as data:
        made.load_model(blob=data)
    made._init_params = params  # without those that it had but was not given
    return made


def _encode_tensor(value, encoder):
    return {
        "name": encoder.files.add_tensor(value),
        "parameter": type(value).__qualname__ == "Parameter",
        "requires_grad": value.requires_grad,
    }


def _decode_tensor(node, decoder):
    tensor = decoder.files.tensor(node["name"])
    if node["parameter"]:
        import torch

        return torch.nn.Parameter(tensor, requires_grad=node["requires_grad"])
    return tensor.requires_grad_(node["requires_grad"])


KINDS = [
    Kind("lightgbm", ("lightgbm.basic.Booster",), _encode_lightgbm, _decode_lightgbm, shared=True),
    Kind("xgboost", ("xgboost.core.Booster",), _encode_xgboost, _decode_xgboost, shared=True),
    Kind(
        "catboost",
        tuple(f"catboost.core.{name}" for name in CATBOOST),
        _encode_catboost,
        _decode_catboost,
        shared=True,
    ),
    Kind(
        "tensor",
        ("torch.Tensor", "torch.nn.parameter.Parameter"),
        _encode_tensor,
        _decode_tensor,
        shared=True,
    ),
]
