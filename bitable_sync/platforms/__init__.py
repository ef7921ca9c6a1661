"""Gateways to the platforms where numbers come from and changes go to."""
