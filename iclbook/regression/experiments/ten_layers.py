"""Ten tied layers, the deepest looped model of von Oswald et al. 2023 (appendix A.12)."""

from dataclasses import dataclass

from iclbook.regression.experiments.layers import FiveLayers


@dataclass(frozen=True)
class TenLayers(FiveLayers):
    """Ten tied layers, and tokens clipped as the paper does.

    Without the clipping a training at the paper's batch of 2,048 tasks ended in infinite numbers
    before step 1,000. The fast form knows no clipping, so the batch is smaller than the paper's.

    Attributes
    ----------
    token_clip : float
        Tokens are clipped to this size after each layer.
    """

    layers: int = 10
    batch: int = 512
    every: int = 250
    token_clip: float = 10.0
