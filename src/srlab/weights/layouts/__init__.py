"""The layouts that srlab reads and writes: one file for each network, with one layout for each project that has it."""

from srlab.weights.key_mapping import Layout
from srlab.weights.layouts import edsr, fsrcnn, mdsr, vdsr, wdsr

LAYOUTS: tuple[Layout, ...] = (*edsr.LAYOUTS, *mdsr.LAYOUTS, *wdsr.LAYOUTS, *vdsr.LAYOUTS, *fsrcnn.LAYOUTS)
