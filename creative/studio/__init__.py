"""Pictures and nothing else: photos in, composed and labelled files out.

Pure functions over bytes and Pillow images; no database, no network, no Feishu. It runs in the painter
process (`creative/painter.py`), so that no picture, however hostile, can hurt the worker.
"""
