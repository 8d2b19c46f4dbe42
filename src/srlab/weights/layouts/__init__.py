"""The layouts that srlab reads and writes: one file for each network, with one layout for each project that has it."""

from srlab.weights.key_mapping import Layout
from srlab.weights.layouts import (
    carn,
    csnln,
    dbpn,
    edsr,
    fsrcnn,
    han,
    lapsrn,
    mdsr,
    ms_lapsrn,
    prosr,
    rcan,
    rdn,
    san,
    srcnn,
    srfbn,
    srmd,
    vdsr,
    wdsr,
)

LAYOUTS: tuple[Layout, ...] = (
    *edsr.LAYOUTS,
    *mdsr.LAYOUTS,
    *wdsr.LAYOUTS,
    *vdsr.LAYOUTS,
    *fsrcnn.LAYOUTS,
    *srcnn.LAYOUTS,
    *srmd.LAYOUTS,
    *carn.LAYOUTS,
    *prosr.LAYOUTS,
    *rdn.LAYOUTS,
    *rcan.LAYOUTS,
    *lapsrn.LAYOUTS,
    *ms_lapsrn.LAYOUTS,
    *dbpn.LAYOUTS,
    *srfbn.LAYOUTS,
    *san.LAYOUTS,
    *han.LAYOUTS,
    *csnln.LAYOUTS,
)
