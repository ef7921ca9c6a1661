"""Images: brief, images, review, archive (built in a later release)."""
