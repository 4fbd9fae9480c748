"""`python -m moe_lab.studies.autogluon`."""

from moe_lab.studies.autogluon.study import main

main()
