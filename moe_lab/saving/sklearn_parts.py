"""What skops knows as a whole; a pipeline that holds anything else is taken apart."""

from typing import Any

from moe_lab.saving.trusted import IN_SKOPS

LIBRARIES = ("sklearn", "scipy")


def is_known(value: Any) -> bool:
    """Tell whether skops saves an object whole: it is of scikit-learn, and so is all in it."""
    if type(value).__module__.partition(".")[0] not in LIBRARIES:
        return False
    import skops.io

    try:
        unknown = skops.io.get_untrusted_types(data=skops.io.dumps(value))
    except Exception:  # whatever it lacks, the walk goes on and names it
        return False
    return set(unknown) <= IN_SKOPS
