"""Which parameters of a network are embeddings, and which are layer norms.

Deutch et al. (2024) compare trained models with models of which only these are trained. What a
parameter is for shows in the module that it belongs to, alike in every family: tables of tokens and
of learned positions are `torch.nn.Embedding`, the map to the vocabulary is what transformers calls
the output embeddings, and the modules of norms have Norm in their class's name.

Chapter: "Would an untrained network score the same?"
"""

from torch import nn
from transformers import PreTrainedModel

from iclbook.validate import check_choice


def kept_weights(net: PreTrainedModel, kept: str) -> list[str]:
    """Names of the parameters that a variant of a model takes from the trained one.

    Parameters
    ----------
    net : PreTrainedModel
    kept : str
        ``"embeddings"``: of tokens and learned positions, in and out, and layer norms;
        ``"norms"``: layer norms alone, those of queries and keys among them; or empty for none.

    Returns
    -------
    list of str
        As ``named_parameters`` has them: tied ones under one name.

    Raises
    ------
    ValueError
        If `kept` is something else.
    """
    check_choice("kept", kept, ("", "embeddings", "norms"))
    modules = [m for m in net.modules() if kept and "Norm" in type(m).__name__]
    if kept == "embeddings":
        modules += [m for m in net.modules() if isinstance(m, nn.Embedding)]
        modules.append(net.get_output_embeddings())
    wanted = {id(parameter) for module in modules for parameter in module.parameters()}
    return [name for name, parameter in net.named_parameters() if id(parameter) in wanted]
