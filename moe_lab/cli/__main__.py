"""python -m moe_lab.cli"""

from moe_lab.cli import main

main(prog_name="moe-lab")
