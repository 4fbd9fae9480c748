"""Random forest: bagged trees with searched splits, a slower and smoother cousin of extra_trees."""

from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from moe_lab.registry import experts

experts.register(
    "random_forest", regressor=RandomForestRegressor, classifier=RandomForestClassifier
)
