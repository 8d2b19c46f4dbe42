"""Using a trained method: one way from a low-resolution image to a high-resolution one."""
