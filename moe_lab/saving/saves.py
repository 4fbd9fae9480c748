"""Estimators that can be saved."""

from pathlib import Path


class Saves:
    """An estimator with ``save``."""

    def save(self, folder: str | Path) -> None:
        """Write the fitted model into a new folder, from which ``moe_lab.load`` makes it again.

        Nothing is pickled: arrays, boosters, networks and parts of scikit-learn are written in
        their own formats.

        Parameters
        ----------
        folder : str or Path
            It must not be there; it appears when all is written.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        FileExistsError
            If the folder is there.
        TypeError
            If some part cannot be saved; it is named.
        """
        from sklearn.utils.validation import check_is_fitted

        from moe_lab.saving.folder import save

        check_is_fitted(self)
        save(self, folder)
