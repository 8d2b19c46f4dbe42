"""K-SVD, a dictionary in which signals are sums of few atoms (Aharon et al. 2006, doi:10.1109/TSP.2006.881199)."""

from collections.abc import Callable

import torch
from torch import Tensor

from srlab.errors import SrlabError

AT_ONCE = 8192  # signals that are coded at a time
STABILISER = 1e-6  # on the diagonal of the atoms' products, for atoms that are nearly the same


def k_svd(signals: Tensor, atoms: int, nonzeros: int, iterations: int, seed: int, say: Callable[[str], None]) -> Tensor:
    """Learns a dictionary: signals are coded by orthogonal matching pursuit, then every atom is improved by itself.

    The update is the approximate one of Rubinstein et al. 2008 (Technion, CS-2008-08): one step of power iteration
    in place of the SVD. An atom that no signal uses becomes the signal that is coded worst.

    Args:
        signals: (n, length), not all of them 0.
        atoms: of the dictionary.
        nonzeros: atoms in a code.
        iterations: of coding and updating.
        seed: of the first atoms, which are signals drawn at random.
        say: is told the error after every fifth iteration.

    Returns:
        (atoms, length), each of length 1.

    Raises:
        SrlabError: there are fewer signals than atoms.
    """
    usable = (signals.norm(dim=1) > 0).nonzero()[:, 0]
    if len(usable) < atoms:
        raise SrlabError(f"model.network.atoms={atoms}: there are {len(usable)} patches that are not flat. Add images.")
    drawn = torch.randperm(len(usable), generator=torch.Generator().manual_seed(seed))[:atoms]
    dictionary = torch.nn.functional.normalize(signals[usable[drawn.to(usable.device)]])
    for iteration in range(1, iterations + 1):
        chosen, weights = _coded(signals, dictionary, nonzeros)
        residual = signals - (weights[:, None, :] @ dictionary[chosen])[:, 0]
        if iteration % 5 == 0:
            error = float(residual.norm() / signals.norm())
            say(f"dictionary: iteration {iteration}/{iterations}, relative error {error:.4f}")
        _update(dictionary, chosen, weights, residual)
    return dictionary


def _coded(signals: Tensor, dictionary: Tensor, nonzeros: int) -> tuple[Tensor, Tensor]:
    """Returns the codes of all signals: atoms and weights, both (n, nonzeros)."""
    parts = [matching_pursuit(part, dictionary, nonzeros) for part in signals.split(AT_ONCE)]
    return torch.cat([chosen for chosen, _ in parts]), torch.cat([weights for _, weights in parts])


def matching_pursuit(signals: Tensor, dictionary: Tensor, nonzeros: int) -> tuple[Tensor, Tensor]:
    """Codes signals by orthogonal matching pursuit.

    Args:
        signals: (n, length).
        dictionary: (atoms, length), each of length 1.
        nonzeros: atoms in a code.

    Returns:
        The atoms of each code and their weights, both (n, nonzeros).
    """
    chosen = torch.empty(len(signals), 0, dtype=torch.long, device=signals.device)
    weights = signals.new_empty(len(signals), 0)
    residual = signals
    for count in range(1, nonzeros + 1):
        match = (residual @ dictionary.T).abs().scatter_(1, chosen, -1.0)  # an atom is taken once
        chosen = torch.cat([chosen, match.argmax(dim=1, keepdim=True)], dim=1)
        taken = dictionary[chosen]
        products = taken @ taken.transpose(1, 2) + STABILISER * torch.eye(count, device=signals.device)
        weights = torch.linalg.solve(products, taken @ signals[:, :, None])[:, :, 0]
        residual = signals - (weights[:, None, :] @ taken)[:, 0]
    return chosen, weights


def _update(dictionary: Tensor, chosen: Tensor, weights: Tensor, residual: Tensor) -> None:
    """Improves each atom with its weights, one after the other; all but `chosen` are changed in place."""
    flat, nonzeros = weights.view(-1), chosen.shape[1]
    order = chosen.flatten().argsort(stable=True)
    counts = torch.bincount(chosen.flatten(), minlength=len(dictionary)).tolist()
    for k, uses in enumerate(order.split(counts)):
        if not len(uses):
            worst = int(residual.square().sum(dim=1).argmax())
            dictionary[k] = torch.nn.functional.normalize(residual[worst], dim=0)
            residual[worst] = 0
            continue
        rows = uses // nonzeros
        without = residual[rows] + flat[uses, None] * dictionary[k]
        dictionary[k] = torch.nn.functional.normalize(flat[uses] @ without, dim=0)
        flat[uses] = without @ dictionary[k]
        residual[rows] = without - flat[uses, None] * dictionary[k]
