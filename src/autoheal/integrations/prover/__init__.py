"""Runs proofs in a closed room on this machine."""
