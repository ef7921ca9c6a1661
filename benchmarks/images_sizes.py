def sizes() -> bool:
    return True
