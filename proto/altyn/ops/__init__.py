if __name__ != "altyn.ops":
    raise ImportError("this folder is imported as altyn.ops, never as " + __name__)
