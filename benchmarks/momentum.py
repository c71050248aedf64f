"""A training step with momentum attention beside the same step without.

    python benchmarks/momentum.py [--length 512] [--batch 4] [--device cpu] [--threads 1]

Runs the recorded experiment ``momentum-cost`` once more on this machine; nothing is stored.
"""

import argparse
import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # waiting threads must not burn the clock

from iclbook import records
from iclbook.momentum.cost import lines
from iclbook.records import options as settings


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    fields = records.fields("momentum-cost")
    settings.add_options(parser, fields)
    given = settings.given(parser.parse_args(), fields)
    cost = records.run("momentum-cost", given, name="benchmark")
    print(*lines(cost), sep="\n")


if __name__ == "__main__":
    main()
