"""One-off studies, each with its command: `python -m moe_lab.studies` lists them."""
