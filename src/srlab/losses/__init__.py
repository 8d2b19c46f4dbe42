"""Losses as a weighted sum: every term stands in conf/loss/base.yaml at weight 0 and is switched on by a weight."""
