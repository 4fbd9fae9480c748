"""python -m moe_lab.cli.site FOLDER [NOTEBOOK]...: build the site; without names, all notebooks."""

import sys
from pathlib import Path

from moe_lab.cli.site.build import build_site, course

if __name__ == "__main__":
    folder, *names = sys.argv[1:] or ["site"]
    home = build_site(Path(folder), names or course())
    sys.stdout.write(f"{home}\n")
