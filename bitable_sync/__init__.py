"""Bitable tables as typed data: specs, codecs, pull, push, mirror, changes; gateways to shops, ads and ERP."""
