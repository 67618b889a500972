from pathlib import Path
def load_newest(folder): return None
def save(folder, book, operations, head): return Path("x")
