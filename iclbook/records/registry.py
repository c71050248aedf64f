"""The experiments that have records: a name, and where its class stands.

An experiment is a frozen dataclass. Its fields are the configuration, with defaults; one of them
is ``threads``, how many CPU threads the numerical libraries may use. Its method ``run()`` does the
work and returns :class:`iclbook.records.Results`. Classes are imported when they are asked for,
so that reading a record imports no library that only its experiment needs.
"""

from importlib import import_module

EXPERIMENTS = {
    "doubts-causality": "iclbook.gpt.doubts.causality:Causality",
    "doubts-emergence": "iclbook.mini.emergence:Emergence",
    "doubts-influence": "iclbook.gpt.doubts.influence:Influence",
    "doubts-order": "iclbook.gpt.doubts.order:Order",
    "doubts-outputs": "iclbook.gpt.doubts.outputs:Outputs",
    "doubts-patches": "iclbook.gpt.doubts.patches:PatchesElsewhere",
    "dual-cost": "iclbook.dual.cost:DualCost",
    "gpt-cell": "iclbook.gpt.study.cell:Cell",
    "gpt-precision": "iclbook.gpt.study.precision:Precision",
    "gpt-rate": "iclbook.gpt.study.rate:Rate",
    "gpt-updates": "iclbook.gpt.study.updates:Updates",
    "mini-pretraining": "iclbook.mini.pretrain:Pretraining",
    "momentum": "iclbook.momentum.training:Training",
    "momentum-cost": "iclbook.momentum.cost:Cost",
    "momentum-pretrained": "iclbook.momentum.pretrained:Pretrained",
    "regression-copying": "iclbook.regression.experiments.copying:Copying",
    "regression-five-layers": "iclbook.regression.experiments.layers:FiveLayers",
    "regression-five-own-layers": "iclbook.regression.experiments.layers:FiveOwnLayers",
    "regression-garg": "iclbook.regression.experiments.garg:GargSmall",
    "regression-one-layer": "iclbook.regression.experiments.one_layer:OneLayer",
    "regression-one-layer-fixed": "iclbook.regression.experiments.fixed:FixedTasks",
    "regression-one-layer-plateau": "iclbook.regression.experiments.plateau:Plateau",
    "regression-one-layer-sizes": "iclbook.regression.experiments.sizes:Sizes",
    "regression-sine": "iclbook.regression.experiments.sine:Sine",
    "regression-softmax": "iclbook.regression.experiments.softmax:Softmax",
    "regression-ten-layers": "iclbook.regression.experiments.ten_layers:TenLayers",
    "regression-two-layers": "iclbook.regression.experiments.layers:TwoLayers",
}
"""Name of each experiment to ``module:class``."""


def target(experiment: str) -> str:
    """Return where the class of an experiment stands, ``module:class``.

    Raises
    ------
    ValueError
        If there is no such experiment.
    """
    if experiment not in EXPERIMENTS:
        raise ValueError(f"no experiment {experiment!r}; known: {', '.join(sorted(EXPERIMENTS))}")
    return EXPERIMENTS[experiment]


def experiment_class(experiment: str) -> type:
    """Import and return the class of an experiment.

    Raises
    ------
    ValueError
        If there is no such experiment.
    """
    module, name = target(experiment).split(":")
    return getattr(import_module(module), name)
