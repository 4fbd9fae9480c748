"""One owner a key: the claim KEY.1, and KEY.2 where the owner of KEY.1 is dead.

A claim lies beside the scratch folders, on the file system that all machines share. Who holds the
highest number may publish; an owner that was taken for dead, and wakes up, finds a higher one.
"""

from pathlib import Path

from moe_lab.runs.claim import Claim, Watch, claim_owner

__all__ = ["drop_dead", "free_number", "is_owner", "leave", "owner_of", "take"]

DIGITS = 16  # of a key


def _numbers(folder, key):
    found = (path.name.rpartition(".")[2] for path in Path(folder).glob(f"{key}.*"))
    return sorted(int(number) for number in found if number.isdigit())


def free_number(folder: Path, key: str, watch: Watch) -> int | None:
    """Return the number under which a key can be claimed; None while somebody works on it."""
    numbers = _numbers(folder, key)
    if not numbers:
        return 1
    latest = numbers[-1]
    return latest + 1 if watch.is_dead(_path(folder, key, latest)) else None


def take(folder: Path, key: str, number: int, **told: str) -> Claim | None:
    """Claim a key under a number; None if somebody else was quicker."""
    while True:
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            claim = Claim(_path(folder, key, number), None, **told)
            break
        except FileExistsError:
            return None
        except FileNotFoundError:  # another process has just removed the empty folder
            continue
    if _numbers(folder, key)[-1:] == [number]:
        return claim
    claim.release()
    return None


def is_owner(claim: Claim) -> bool:
    """Tell whether a claim is held, and under the highest number."""
    key, _, number = claim.path.name.rpartition(".")
    return claim.is_held() and _numbers(claim.path.parent, key)[-1:] == [int(number)]


def owner_of(folder: Path, key: str, number: int) -> dict:
    """Return what the owner of a key under a number has told; {} if there is none."""
    return claim_owner(_path(folder, key, number))


def leave(folder: Path, key: str, number: int) -> None:
    """Remove the claims on a key up to a number: the work has ended."""
    for one in _numbers(folder, key):
        if one <= number:
            _path(folder, key, one).unlink(missing_ok=True)


def drop_dead(folder: Path, watch: Watch) -> None:
    """Remove the claims of the dead on keys that nobody asks for any more, by taking them over."""
    claims = (path.name.partition(".")[0] for path in Path(folder).glob(f"{'?' * DIGITS}.*"))
    for key in set(claims):
        number = free_number(folder, key, watch)
        if number is None or number == 1:
            continue
        claim = take(folder, key, number)
        if claim is not None:
            leave(folder, key, number - 1)
            claim.release()


def _path(folder, key, number):
    return Path(folder) / f"{key}.{number}"
