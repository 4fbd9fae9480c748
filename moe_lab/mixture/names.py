"""What the experts of a mixture are called in tables."""


def expert_names(mixture):
    """Return a name of its own for each expert.

    Experts of different kinds go by what they are, those of one kind numbered; where all are of one
    kind, that would say nothing, and they are "expert 0", "expert 1" and so on.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> expert_names(SimpleNamespace(expert_names_=["linear", "lightgbm", "linear"]))
    ['linear 0', 'lightgbm', 'linear 1']
    >>> expert_names(SimpleNamespace(expert_names_=["linear", "linear"]))
    ['expert 0', 'expert 1']
    """
    names = mixture.expert_names_
    if len(set(names)) == 1:
        return [f"expert {k}" for k in range(len(names))]
    return [
        f"{name} {names[:k].count(name)}" if names.count(name) > 1 else name
        for k, name in enumerate(names)
    ]
