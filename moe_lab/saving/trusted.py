"""The classes and functions that a saved model may name: an explicit list, no prefix.

A drop-in is a module ``moe_lab.experts.NAME``, too, so that no part of a name makes it trusted. A
new built-in class is added here, a line for each module: the module, then what it defines.
"""


def _qualified(lines):
    rows = (line.split() for line in lines.strip().splitlines())
    return frozenset(f"{module}.{name}" for module, *names in rows for name in names)


OWN = _qualified("""
moe_lab.divide.column ColumnDivider
moe_lab.divide.gaussian_mixture GaussianMixtureDivider
moe_lab.divide.given Given
moe_lab.divide.kmeans KMeansDivider
moe_lab.divide.random RandomDivider
moe_lab.divide.rules RulesDivider
moe_lab.divide.tree TreeDivider
moe_lab.experts.boosting.boosted BoostedClassifier BoostedRegressor _Grown
moe_lab.experts.boosting.trees Trees
moe_lab.experts.catboost CatBoostExpert CatBoostTrees
moe_lab.experts.estimator EstimatorExpert
moe_lab.experts.extra_trees ExtraTreesExpert Forest
moe_lab.experts.k_nearest KNearestClassifier KNearestExpert KNearestRegressor
moe_lab.experts.labels OfCodes
moe_lab.experts.lightgbm LightGBMExpert LightGBMTrees
moe_lab.experts.linear GaussianLinear LinearExpert SoftmaxLinear
moe_lab.experts.linear_leaves LeafLines LinearLeavesExpert
moe_lab.experts.linear_mixture LinearMixtureClassifier LinearMixtureExpert LinearMixtureRegressor
moe_lab.experts.linear_mixture SoftmaxWeights
moe_lab.experts.linear_start LinearStartExpert Started StartedTrees StartTable
moe_lab.experts.mlp MLPExpert
moe_lab.experts.module ModuleExpert
moe_lab.experts.net Net NetClassifier NetRegressor
moe_lab.experts.residual_stacker ResidualClassifier ResidualRegressor ResidualStackerExpert
moe_lab.experts.sparse_moe SparseMoEExpert
moe_lab.experts.stacker StackerExpert
moe_lab.experts.tabm TabMExpert
moe_lab.experts.tempered Tempered
moe_lab.experts.xgboost XGBoostExpert XGBoostTrees
moe_lab.gate.anchored AnchoredGate
moe_lab.gate.boosted BoostedGate
moe_lab.gate.column ColumnGate
moe_lab.gate.constant ConstantGate
moe_lab.gate.gaussian.gate GaussianGate
moe_lab.gate.gaussian.levels Levels _Category _Steps
moe_lab.gate.gaussian.whitening Whitening
moe_lab.gate.hierarchical.gate HierarchicalGate
moe_lab.gate.mlp MLPGate
moe_lab.gate.rules RulesGate
moe_lab.gate.shrunk_softmax ShrunkSoftmaxGate
moe_lab.gate.softmax SoftmaxGate
moe_lab.gate.tree.gate TreeGate
moe_lab.likelihood.correction Correction
moe_lab.likelihood.stacks LinearStack LogLinearStack
moe_lab.methods.average Average AverageClassifier AverageRegressor
moe_lab.methods.base ClassifierEnsemble ExpertEnsemble RegressorEnsemble
moe_lab.methods.greedy_selection GreedySelection GreedySelectionClassifier GreedySelectionRegressor
moe_lab.methods.greedy_selection GreedyWeights
moe_lab.methods.log_odds_stacking LogOddsStacking OutOfFoldStacking
moe_lab.methods.log_odds_stacking LogOddsStackingClassifier LogOddsStackingRegressor
moe_lab.methods.matched_ensemble MatchedEnsemble
moe_lab.methods.matched_ensemble MatchedEnsembleClassifier MatchedEnsembleRegressor
moe_lab.methods.mixtures BoostedMixture ConstantMixture EMMixture GradientMixture LinearEMMixture
moe_lab.methods.mixtures Mixture
moe_lab.methods.stacking GroupedStackingClassifier GroupedStackingRegressor Stacking
moe_lab.methods.stacking_variance LogVarianceTrees StackingVariance StackingVarianceRegressor
moe_lab.mixture.base MixtureOfExperts
moe_lab.mixture.estimators MoEClassifier MoERegressor
moe_lab.nn.balance LoadBias
moe_lab.nn.compat Top2Gate Top2HierarchicalGate
moe_lab.nn.experts Experts GroupedExperts
moe_lab.nn.gating LinearGate TopKGate
moe_lab.nn.groups Groups
moe_lab.nn.hierarchical HierarchicalMoE
moe_lab.nn.hierarchical_gate HierarchicalGate
moe_lab.nn.module_experts ModuleExperts
moe_lab.nn.processes Peers
moe_lab.nn.settings GateSettings Settings
moe_lab.nn.sparse SparseLayer SparseMoE
moe_lab.nn.tables.tabular SparseNet TableEmbedding
moe_lab.pool.argmax ArgmaxPooler
moe_lab.pool.confident ConfidentPooler
moe_lab.pool.learned LearnedPooler
moe_lab.pool.linear LinearPooler
moe_lab.pool.log_linear LogLinearPooler
moe_lab.pool.median MedianPooler
moe_lab.pool.top_k TopKPooler
moe_lab.pool.vote VotePooler
moe_lab.table.calendar Calendar
moe_lab.table.category CategoryTable CodedTable
moe_lab.table.dates Dates
moe_lab.table.level_columns LevelColumns
moe_lab.table.numeric NumericTable
moe_lab.table.predictions StackedTable
moe_lab.table.prepared Prepared
moe_lab.train.base Account
moe_lab.train.boosting.parts BoostedClassifier BoostedRegressor BoostedTrees
moe_lab.train.boosting.trainer Boosting
moe_lab.train.density ScaleMixture
moe_lab.train.em.divider LinearEMDivider
moe_lab.train.em.trainer EM
moe_lab.train.gradient.joint Joint
moe_lab.train.gradient.trainer Gradient
moe_lab.train.out_of_fold.trainer OutOfFold
""")

# What is taken apart where skops does not know all that it holds.
OTHERS = _qualified("""
lightgbm.sklearn LGBMClassifier LGBMRegressor
rtdl_num_embeddings LinearEmbeddings PiecewiseLinearEmbeddings _NLinear
rtdl_num_embeddings _PiecewiseLinearEncodingImpl
sklearn.calibration CalibratedClassifierCV _CalibratedClassifier
sklearn.compose._column_transformer ColumnTransformer
sklearn.compose._target TransformedTargetRegressor
sklearn.ensemble._bagging BaggingClassifier BaggingRegressor
sklearn.ensemble._stacking StackingClassifier StackingRegressor
sklearn.ensemble._voting VotingClassifier VotingRegressor
sklearn.feature_selection._from_model SelectFromModel
sklearn.feature_selection._rfe RFE RFECV
sklearn.frozen._frozen FrozenEstimator
sklearn.model_selection._search GridSearchCV RandomizedSearchCV
sklearn.model_selection._split GroupKFold KFold StratifiedGroupKFold StratifiedKFold
sklearn.multiclass OneVsOneClassifier OneVsRestClassifier
sklearn.pipeline FeatureUnion Pipeline
tabm EnsembleView LinearBatchEnsemble LinearEnsemble MLPBackboneBatchEnsemble
torch.nn.modules.activation ELU GELU Hardswish Hardtanh LeakyReLU LogSoftmax Mish
torch.nn.modules.activation MultiheadAttention PReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax
torch.nn.modules.activation Softplus Softsign Tanh
torch.nn.modules.batchnorm BatchNorm1d
torch.nn.modules.container ModuleDict ModuleList ParameterDict ParameterList Sequential
torch.nn.modules.conv Conv1d
torch.nn.modules.dropout AlphaDropout Dropout
torch.nn.modules.flatten Flatten Unflatten
torch.nn.modules.linear Bilinear Identity Linear NonDynamicallyQuantizableLinear
torch.nn.modules.normalization GroupNorm LayerNorm RMSNorm
torch.nn.modules.sparse Embedding EmbeddingBag
torch.nn.modules.transformer TransformerEncoder TransformerEncoderLayer
xgboost.sklearn XGBClassifier XGBRFClassifier XGBRFRegressor XGBRegressor
""")

# Functions and types that a model may hold as they are.
MENTIONED = _qualified("""
builtins bool bytes dict float int list set str tuple
collections OrderedDict
moe_lab.nn.experts identity
numpy bool float32 float64 int32 int64 object_ str_
torch tanh
torch.nn.functional elu gelu leaky_relu relu selu sigmoid silu softplus tanh
""")

# Parts of scikit-learn that skops knows how to save but leaves to us to trust.
IN_SKOPS = _qualified("""
collections OrderedDict
numpy memmap
sklearn.calibration _CalibratedClassifier _SigmoidCalibration
sklearn.ensemble._hist_gradient_boosting.predictor TreePredictor
sklearn.metrics._dist_metrics ChebyshevDistance32 ChebyshevDistance64 EuclideanDistance32
sklearn.metrics._dist_metrics EuclideanDistance64 ManhattanDistance32 ManhattanDistance64
sklearn.metrics._dist_metrics MinkowskiDistance32 MinkowskiDistance64
sklearn.neighbors._ball_tree BallTree BallTree32 BallTree64
sklearn.neighbors._kd_tree KDTree KDTree32 KDTree64
sklearn.tree._tree Tree
sklearn.utils._bunch Bunch
""")

TRUSTED = OWN | OTHERS
