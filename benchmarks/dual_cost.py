"""Print how the two forms of linear attention compare, in operations and in seconds.

    python benchmarks/dual_cost.py

Runs the recorded experiment ``dual-cost`` once more on this machine; nothing is stored.
"""

from iclbook import records
from iclbook.dual.cost import crossing


def main() -> None:
    """Run the experiment and print a table for each kind of use."""
    cost = records.run("dual-cost", name="benchmark")
    lengths, widths = cost.config["lengths"], cost.config["widths"]
    print(f"{cost.provenance['cpu']}, {cost.config['threads']} thread, {cost.config['dtype']}")
    for kind, title in (
        ("reading", f"Reading, {cost.config['queries']} queries together, time of one"),
        ("causal", "A whole causal sequence, all at once against token by token"),
    ):
        print(f"\n{title}: seconds as attention / seconds as weights")
        print("    d " + "".join(f"{f'N={N}':>9}" for N in lengths) + "   equal at (counted)")
        for row, d in enumerate(widths):
            attention = cost[f"{kind}_seconds_attention"][row]
            weights = cost[f"{kind}_seconds_weights"][row]
            ratios = "".join(f"{a / w:9.2f}" for a, w in zip(attention, weights, strict=True))
            found = crossing(lengths, attention, weights)
            where = "outside" if found is None else f"{found:.0f}"
            print(f"{d:5d} {ratios}   {where:>8} ({cost[f'{kind}_crossover'][row]:.0f})")


if __name__ == "__main__":
    main()
