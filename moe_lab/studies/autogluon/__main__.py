"""AutoGluon as a rival, on the same rows.

``python -m moe_lab.studies.autogluon --datasets ames --python /its/python --write FOLDER``
"""

from moe_lab.studies.autogluon.study import main

main()
