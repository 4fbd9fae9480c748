"""%load_ext moe_lab in a notebook: what lives in the kernel, and the command itself."""

CELLS = """
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "moe_lab")


def moe(line):
    print(">", line, flush=True)
    try:
        answer = shell.run_line_magic("moe", line)
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    if answer is not None:
        print(answer, flush=True)
    return answer


from moe_lab.pool.base import WeightedPooler, poolers


@poolers.register("mine")
class Mine(WeightedPooler):
    "The gate's weights <as they are>."

    def weights(self, gate_weights, scales=None):
        return gate_weights
"""


def after(done, line):
    """Return what was printed after a line of magic, up to the next one."""
    assert done.returncode == 0, done.stderr
    return done.stdout.partition(f"> {line}\n")[2].partition("\n> ")[0]


def test_moe_in_a_notebook_sees_its_cells_and_runs_the_command(lab):
    lab.notebook("exp", "seed = 0", "seed")
    calls = [
        "plugins pool",
        "plugins gtae",
        "reload",
        "plugins new gate near",
        "plugins check mine",
    ]
    calls += ["run exp", "run exp -p sed 1"]
    done = lab.run(
        CELLS + "\nhtml = moe('plugins poolers')._repr_html_()\n"
        "assert '&lt;as they are&gt;' in html and '<td>median</td>' in html\n"
        f"for line in {calls}: moe(line)\n"
        "from moe_lab.registry import gates\nprint('near' in gates)\n"
    )
    assert "pooler mine: The gate's weights <as they are>. (a live cell" in after(done, calls[0])
    assert after(done, calls[1]).startswith("UsageError: Unknown kind of plugin 'gtae'.")
    assert after(done, calls[2]) == "Nothing has changed below registry/."
    assert f"{lab.root}/registry/gate/near.py is loaded." in after(done, calls[3])
    assert after(done, calls[4]).startswith("pooler 'mine' from a live cell (__main__.Mine) ")
    assert "done     exp in" in after(done, calls[5])
    assert "Error: Unknown parameter 'sed' of notebook 'exp'. Did you mean" in after(done, calls[6])
    assert "UsageError: moe-lab run ended with exit code 1." in after(done, calls[6])
    assert done.stdout.splitlines()[-1] == "True"
