"""AutoGluon as a rival, on the same rows.

``python -m moe_lab.studies.autogluon`` with ``--datasets ames,concrete --python /its/python``.
"""

from moe_lab.studies.autogluon.study import main

main()
