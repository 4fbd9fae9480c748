"""Saving fitted models and loading them, without pickle.

``moe.save("churn")`` writes a folder, ``moe_lab.load("churn")`` reads it. The folder holds

- ``manifest.json``: who wrote it with which versions, what the experts are called, the hash of
  every other file, and the plugins that the model needs with the hashes of their source;
- ``model.json``: the fitted objects, each as the name of its class and what it is made of;
- ``arrays.npz``, ``tensors.safetensors``, ``sklearn.skops``: arrays, torch tensors, what is of
  scikit-learn;
- ``lightgbm_0.txt``, ``xgboost_0.ubj``, ``catboost_0.cbm``, ...: boosters in their own formats.

Of classes only those on an explicit list (`moe_lab.saving.trusted`) are made again. A plugin of
your own is not on it: ``load`` imports it only if ``trusted`` names it and its source is what it
was. Paths and hashes are checked before any file is read, so that no file is taken for another;
they do not tell who wrote it, and the boosters' own readers were not made for hostile files.
"""

from moe_lab.registry.lazy import lazy_names

_PUBLIC = {"Saves": "saves", "SavesState": "powers", "load": "folder", "save": "folder"}
__all__ = sorted(_PUBLIC)

__getattr__, __dir__ = lazy_names(globals(), _PUBLIC)
