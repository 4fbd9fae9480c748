"""The laws that plugins keep: one list of checks for each kind, to be run on any plugin.

>>> from moe_lab.registry import gates
>>> for check in GATE_CHECKS:
...     check(gates.create("softmax"))

A check takes an instance and raises AssertionError where the law is broken. A plugin that cannot be
created without parameters says by ``example_params`` which to test it with; they may name the
columns of ``example_table``.
"""

from moe_lab.testing.datasets import (
    DATASET_CHECKS,
    check_dataset_can_be_learnt,
    check_dataset_holds_rows_and_columns,
    check_dataset_is_called_as_it_is_registered,
    check_dataset_is_the_same_every_time,
)
from moe_lab.testing.dividers import (
    DIVIDER_CHECKS,
    check_divider_gives_responsibilities,
    check_divider_is_seeded,
    check_divider_saves,
    check_divider_takes_arrays_and_weights,
)
from moe_lab.testing.examples import (
    Stacked,
    example,
    example_table,
    example_target,
)
from moe_lab.testing.experts import (
    EXPERT_CHECKS,
    METHOD_CHECKS,
    check_expert_does_not_leak,
    check_expert_fits_few_rows,
    check_expert_heeds_sample_weight,
    check_expert_ignores_batch_mates,
    check_expert_is_seeded,
    check_expert_keeps_row_order,
    check_expert_learns,
    check_expert_leaves_its_inputs_alone,
    check_expert_log_prob_is_a_probability,
    check_expert_meets_new_levels,
    check_expert_pickles,
    check_expert_predicts_every_row,
    check_expert_saves,
    check_expert_widens_missing_classes,
    check_stacker_heeds_sample_weight,
)
from moe_lab.testing.gates import (
    GATE_CHECKS,
    check_gate_gives_weights,
    check_gate_heeds_sample_weight,
    check_gate_heeds_sample_weight_in_the_pooled_loss,
    check_gate_ignores_batch_mates,
    check_gate_pickles,
    check_gate_pools_better_than_uniform,
    check_gate_recovers_constant_responsibilities,
    check_gate_saves,
)
from moe_lab.testing.poolers import (
    POOLER_CHECKS,
    check_fitted_pooler_keeps_its_word,
    check_pooler_heeds_sample_weight,
    check_pooler_ignores_the_order_of_experts,
    check_pooler_keeps_probabilities,
    check_pooler_keeps_unanimity,
    check_pooler_reads_only_what_it_needs,
    check_pooler_saves,
)
from moe_lab.testing.trainers import (
    TRAINER_CHECKS,
    check_trainer_fits_parts_of_its_own,
    check_trainer_heeds_sample_weight,
    check_trainer_ignores_rows_of_no_weight,
    check_trainer_is_seeded,
    check_trainer_saves,
    check_trainer_trains_mixtures,
)

__all__ = [
    "DATASET_CHECKS",
    "DIVIDER_CHECKS",
    "EXPERT_CHECKS",
    "GATE_CHECKS",
    "METHOD_CHECKS",
    "POOLER_CHECKS",
    "TRAINER_CHECKS",
    "Stacked",
    "check_dataset_can_be_learnt",
    "check_dataset_holds_rows_and_columns",
    "check_dataset_is_called_as_it_is_registered",
    "check_dataset_is_the_same_every_time",
    "check_divider_gives_responsibilities",
    "check_divider_is_seeded",
    "check_divider_saves",
    "check_divider_takes_arrays_and_weights",
    "check_expert_does_not_leak",
    "check_expert_fits_few_rows",
    "check_expert_heeds_sample_weight",
    "check_expert_ignores_batch_mates",
    "check_expert_is_seeded",
    "check_expert_keeps_row_order",
    "check_expert_learns",
    "check_expert_leaves_its_inputs_alone",
    "check_expert_log_prob_is_a_probability",
    "check_expert_meets_new_levels",
    "check_expert_pickles",
    "check_expert_predicts_every_row",
    "check_expert_saves",
    "check_expert_widens_missing_classes",
    "check_fitted_pooler_keeps_its_word",
    "check_gate_gives_weights",
    "check_gate_heeds_sample_weight",
    "check_gate_heeds_sample_weight_in_the_pooled_loss",
    "check_gate_ignores_batch_mates",
    "check_gate_pickles",
    "check_gate_pools_better_than_uniform",
    "check_gate_recovers_constant_responsibilities",
    "check_gate_saves",
    "check_pooler_heeds_sample_weight",
    "check_pooler_ignores_the_order_of_experts",
    "check_pooler_keeps_probabilities",
    "check_pooler_keeps_unanimity",
    "check_pooler_reads_only_what_it_needs",
    "check_pooler_saves",
    "check_stacker_heeds_sample_weight",
    "check_trainer_fits_parts_of_its_own",
    "check_trainer_heeds_sample_weight",
    "check_trainer_ignores_rows_of_no_weight",
    "check_trainer_is_seeded",
    "check_trainer_saves",
    "check_trainer_trains_mixtures",
    "example",
    "example_table",
    "example_target",
]
