"""Campaigns of faults: each breaks something many times, and sees that nothing was lost. tools/faults.py runs them."""
