"""A Feishu-compatible platform on loopback, with shops, an ad platform and an ERP."""
