"""Whether a run needs to be done: what is there of its key, what still holds, and why not."""

from moe_lab.runs.dependencies import changed_files, changed_versions
from moe_lab.runs.key import PARTS, key_of

__all__ = ["same_parameters", "verdict"]


def verdict(
    records: list[dict], parts: dict, parameters: dict, *, strict_versions: bool = False
) -> tuple[dict | None, str]:
    """Look for a run that came out as this one would.

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
    record : dict or None
        Of a finished run, else of the last that failed; None if neither would come out the same.
    reason : str
        Why that one stands, or why it has to be done once more; "" for the first of its kind.
    """
    same = [one for one in reversed(records) if one["key"] == key_of(parts)]
    ended = sorted(same, key=lambda one: one["status"] != "done")
    changes = []
    for record in ended:
        changed = changed_files(record)
        versions = changed_versions(record)
        if not changed and not (strict_versions and versions):
            return record, _why_it_stands(record, versions)
        changes.append(f"changed: {', '.join(changed or versions)}")
    return None, changes[0] if changes else _what_differs(records, parts, parameters)


def _why_it_stands(record, versions):
    if record["status"] != "done":
        return f"the last one {record['status']}: {record['error']}"
    made = f"; made with {', '.join(versions)}" if versions else ""
    return f"same code, data, plugins{made}"


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
