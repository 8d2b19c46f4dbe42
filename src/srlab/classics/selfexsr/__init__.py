"""SelfExSR, Single Image Super-Resolution from Transformed Self-Exemplars (Huang et al., CVPR 2015).

Parameters are those of the authors' program (github.com/jbhuang0604/SelfExSR), where the paper leaves them open.
"""
