"""Whether a run needs to be done: what is there of its key, what still holds, and why not."""

from moe_lab.runs.dependencies import changed_files, changed_versions
from moe_lab.runs.key import PARTS, key_of

__all__ = ["same_parameters", "verdict"]


def verdict(
    records: list[dict], parts: dict, parameters: dict, *, strict_versions: bool = False
) -> tuple[dict | None, str]:
    """Look for a finished run that would come out the same.

    Parameters
    ----------
    records : list of dict
        From `read_runs`, the latest last.
    parts : dict
        From `key_parts`.
    parameters : dict
        Of the run that is asked for.
    strict_versions : bool, default=False
        Whether other versions of libraries make another run.

    Returns
    -------
    finished : dict or None
        The record of that run; None if it has to be done.
    reason : str
        Why it is skipped, or why it is done once more; "" if it is the first of its kind.
    """
    same = [one for one in reversed(records) if one["key"] == key_of(parts)]
    done = [one for one in same if one["status"] == "done"]
    reasons = []
    for record in done:
        changed = changed_files(record)
        versions = changed_versions(record)
        if not changed and not (strict_versions and versions):
            made = f"; made with {', '.join(versions)}" if versions else ""
            return record, f"same code, data, plugins{made}"
        reasons.append(f"changed: {', '.join(changed or versions)}")
    if reasons:
        return None, reasons[0]
    if same:
        return None, f"the last one {same[0]['status']}: {same[0]['error']}"
    return None, _what_differs(records, parts, parameters)


def _what_differs(records, parts, parameters):
    """Say which parts of the key have changed since a run with the same parameters."""
    for record in reversed(records):
        before = record["parts"]
        if (
            record["status"] == "done"
            and before
            and same_parameters(record["parameters"], parameters)
        ):
            names = [name for name in {**before, **parts} if before.get(name) != parts.get(name)]
            return f"changed: {', '.join(PARTS.get(name, name) for name in names)}"
    return ""


def same_parameters(before: dict, now: dict) -> bool:
    """Tell whether two runs were asked for alike, wherever their results went."""
    before, now = ({**one, "results_dir": None} for one in (before, now))
    return before == now
