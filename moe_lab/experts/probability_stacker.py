"""Probability stacker: logistic regression on the probabilities of the other experts."""

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from moe_lab.experts.base import Expert, experts


@experts.register("probability_stacker")
class ProbabilityStackerExpert(Expert):
    """Logistic regression on the other experts' class probabilities, as scikit-learn stacks.

    Beside log-odds it is the careful one where rows are few or classes rare.

    Parameters
    ----------
    C : float, default=1.0
        Inverse L2 strength.
    """

    tasks = ("classification",)
    depends_on = "experts"

    def __init__(self, C=1.0):
        self.C = C

    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        return LogisticStack(probabilities, self.C)


class LogisticStack(ClassifierMixin, BaseEstimator):
    """Logistic regression on features of the experts' class probabilities.

    Parameters
    ----------
    features : function from (n_samples, n_experts, n_classes) to (n_samples, n_features)
    C : float
    """

    parametric = True
    depends_on = "experts"

    def __init__(self, features, C):
        self.features = features
        self.C = C

    def fit(self, X, y, sample_weight=None, *, predictions):
        self.model_ = LogisticRegression(C=self.C, max_iter=1000)
        self.model_.fit(self.features(predictions), y, sample_weight=sample_weight)
        return self

    @property
    def classes_(self):
        return self.model_.classes_

    def predict_proba(self, X, *, predictions):
        return self.model_.predict_proba(self.features(predictions))

    def predict(self, X, *, predictions):
        return self.model_.predict(self.features(predictions))


def probabilities(predictions):
    """Return the stacker's features: all probabilities, of two classes only the second.

    Parameters
    ----------
    predictions : ndarray of shape (n_samples, n_experts, n_classes)

    Returns
    -------
    features : ndarray of shape (n_samples, n_experts) or (n_samples, n_experts * n_classes)
    """
    if predictions.shape[2] == 2:
        return predictions[:, :, 1]
    return predictions.reshape(len(predictions), -1)
