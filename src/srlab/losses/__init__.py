"""Loss terms and their weighted sum. conf/loss/base.yaml has every term at weight 0; another weight switches it on."""
