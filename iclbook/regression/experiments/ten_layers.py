"""Ten tied layers, the deepest looped model of von Oswald et al. 2023 (appendix A.12)."""

from dataclasses import dataclass

from iclbook.regression.experiments.layers import FiveLayers


@dataclass(frozen=True)
class TenLayers(FiveLayers):
    """The same with ten tied layers, for one seed."""

    layers: int = 10
    every: int = 250
