"""Bitable tables as typed data: specs, codecs, pull, push, mirror, changes.

Gateways to shops, ads and ERP.
"""
