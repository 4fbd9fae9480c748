"""What a pooler may have beyond ``needs`` and ``pool``; ask with ``has_power``."""

from typing import Protocol


class CountsVotes(Protocol):
    """Counts votes: probabilities on which all experts agree become 0 and 1."""

    counts_votes: bool
