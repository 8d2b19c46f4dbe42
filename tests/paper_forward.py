"""Reference forward passes of ESPCN, DRCN, DRRN, MemNet and DSRN, written from the papers' figures.

Each is a plain function of the input and the weights. Tensors are NCHW on 0..1. A convolution is a pair (weight, bias),
with stride 1 and zeros around the input so that the size stays; `bias` may be None. A batch normalisation is
(gamma, beta, running_mean, running_var), in inference mode.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

Conv = tuple[Tensor, Tensor | None]
Norm = tuple[Tensor, Tensor, Tensor, Tensor]

EPSILON = 1e-5


def _conv(x: Tensor, conv: Conv) -> Tensor:
    """The convolution of x, as large as x: zeros around it, odd kernels only."""
    weight, bias = conv
    return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)


def _bn_relu_conv(x: Tensor, bn: Norm, conv: Conv) -> Tensor:
    """BN, ReLU, convolution: the pre-activated layer of DRRN and MemNet."""
    gamma, beta, mean, var = (v.view(1, -1, 1, 1) for v in bn)
    return _conv(F.relu((x - mean) / torch.sqrt(var + EPSILON) * gamma + beta), conv)


def espcn(y: Tensor, weights: list[Conv], scale: int) -> Tensor:
    """ESPCN (Shi et al., CVPR 2016, section 3): y (N, C, H, W) -> (N, C, scale H, scale W).

    `weights` holds the three convolutions. Tanh follows the first two; the last has no activation. Channel
    c r^2 + i r + j of the last becomes row i, column j of the r x r cell of colour c. For one colour this is the
    paper's PS operator with x as the column; for more colours the paper puts c innermost.
    """
    first, second, last = weights
    x = _conv(torch.tanh(_conv(torch.tanh(_conv(y, first)), second)), last)
    n, channels, h, w = x.shape
    colours = channels // scale**2
    cells = x.reshape(n, colours, scale, scale, h, w)  # N, c, i, j, H, W
    return cells.permute(0, 1, 4, 2, 5, 3).reshape(n, colours, h * scale, w * scale)


def drcn(y_enlarged: Tensor, weights: dict, recursions: int) -> tuple[list[Tensor], Tensor]:
    """DRCN (Kim et al., CVPR 2016, section 3): y_enlarged (N, 1, H, W) -> the D predictions, the final one.

    `weights`: "embedding" [two convolutions], "recursion" one, "reconstruction" [two], "ensemble" (D,). ReLU follows
    every convolution but the last, whose output is added to the input. The predictions are those of H_1 ... H_D, not of
    the embedding's output H_0. The final one is sum w_d y_d / sum w_d.
    """
    ensemble = weights["ensemble"]
    assert ensemble.shape == (recursions,)
    state = y_enlarged
    for conv in weights["embedding"]:
        state = F.relu(_conv(state, conv))
    hidden, last = weights["reconstruction"]
    predictions = []
    for _ in range(recursions):
        state = F.relu(_conv(state, weights["recursion"]))
        predictions.append(_conv(F.relu(_conv(state, hidden)), last) + y_enlarged)
    final = sum(w * p for w, p in zip(ensemble, predictions, strict=True)) / ensemble.sum()
    return predictions, final


def drrn(y_enlarged: Tensor, weights: dict, units: int) -> Tensor:
    """DRRN with one recursive block (Tai et al., CVPR 2017, section 3): (N, 1, H, W) -> the same.

    `weights`: "first" {"bn", "conv"}, "units" {"convs": the two convolutions that the units share, "bns": for each unit
    its two}, "last" {"bn", "conv"}. Every layer is BN, ReLU, convolution, the first on the image itself. Each unit adds
    the block's input, the first layer's output, not the unit's own input. The image is added at the end.
    """
    shared, bns = weights["units"]["convs"], weights["units"]["bns"]
    assert len(bns) == units
    block_input = _bn_relu_conv(y_enlarged, **weights["first"])
    x = block_input
    for bn_pair in bns:
        for bn, conv in zip(bn_pair, shared, strict=True):
            x = _bn_relu_conv(x, bn, conv)
        x = x + block_input
    return _bn_relu_conv(x, **weights["last"]) + y_enlarged


def memnet(y_enlarged: Tensor, weights: dict) -> tuple[list[Tensor], Tensor]:
    """MemNet (Tai et al., ICCV 2017, section 3, multi-supervised): (N, 1, H, W) -> the M predictions y_m, the final.

    `weights`: "feature" {"bn", "conv"}; "blocks", for each block {"residual": the two convolutions that its R residual
    units share, "bns": for each unit its two, "gate": {"bn", "conv1x1"}}; "reconstruction" {"conv": the one that the
    blocks share, "bns": one for each block}; "ensemble" (M,).

    Every layer is BN, ReLU, convolution. A residual unit adds its own input, the state before it; the first one's is
    the output of the block before. Block m's gate reads B_0, ..., B_{m-1}, H_1, ..., H_R in this order: the feature
    layer's output, the earlier gates' outputs, the block's states. Each y_m includes the image. The final one is
    sum w_m y_m, with the weights as they are, not normalised.
    """
    memories = [_bn_relu_conv(y_enlarged, **weights["feature"])]
    predictions = []
    for block, output_bn in zip(weights["blocks"], weights["reconstruction"]["bns"], strict=True):
        state, states = memories[-1], []
        for bn_pair in block["bns"]:
            x = state
            for bn, conv in zip(bn_pair, block["residual"], strict=True):
                x = _bn_relu_conv(x, bn, conv)
            state = state + x
            states.append(state)
        gate = block["gate"]
        memories.append(_bn_relu_conv(torch.cat(memories + states, dim=1), gate["bn"], gate["conv1x1"]))
        predictions.append(_bn_relu_conv(memories[-1], output_bn, weights["reconstruction"]["conv"]) + y_enlarged)
    final = sum(w * p for w, p in zip(weights["ensemble"], predictions, strict=True))
    return predictions, final


def dsrn(lr: Tensor, enlarged: Tensor, weights: dict, steps: int, scale: int) -> Tensor:
    """DSRN (Han et al., CVPR 2018, section 3): lr (N, C, H, W), enlarged (N, C, scale H, scale W) -> as enlarged.

    `weights`: "input" [two convolutions], "lr" and "hr" [two each: R1 and R2], "up" the transposed convolution with its
    weight (in, out, scale, scale), "output" the 1x1 convolution. The same weights serve every step. s1 is the LR state,
    s2 the HR state, R = conv, ReLU, conv, and for t = 1 ... `steps` - 1:

        s1_t = ReLU(s1_{t-1} + R1(s1_{t-1}) + pool(s2_{t-1}))
        s2_t = ReLU(up(s1_{t-1}) + s2_{t-1} + R2(s2_{t-1}))
        result = output(mean over t of s2_t) + enlarged

    What the paper leaves open is here as in the authors' program, model_recurrent_s2_u128_avg_t7.py: every connection
    is delayed by one step, so both states read the old ones; a state passes its ReLU before anything reads it, the skip
    too; s1_0 is the input convolutions' output, and the image is read this once; s2_0 does not exist, so terms with it
    are left out and the mean is over `steps` - 1 states; terms are summed, not averaged; everything has a bias. Their
    program is for x2 alone: at x3 and x4, `up` and the average pooling have the side and stride of the scale.
    """

    def changed(state: Tensor, convs: list[Conv]) -> Tensor:
        first, second = convs
        return state + _conv(F.relu(_conv(state, first)), second)

    first, second = weights["input"]
    low = [F.relu(_conv(F.relu(_conv(lr, first)), second))]
    high: list[Tensor] = []  # s2_1, s2_2, ...
    for _ in range(steps - 1):
        terms_low, terms_high = [changed(low[-1], weights["lr"])], []
        terms_high.append(F.conv_transpose2d(low[-1], *weights["up"], stride=scale))
        if high:
            terms_low.append(F.avg_pool2d(high[-1], scale))
            terms_high.append(changed(high[-1], weights["hr"]))
        low.append(F.relu(sum(terms_low)))
        high.append(F.relu(sum(terms_high)))
    return _conv(torch.stack(high).mean(dim=0), weights["output"]) + enlarged
