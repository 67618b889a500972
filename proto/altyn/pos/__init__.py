if __name__ != "altyn.pos":
    raise ImportError("this folder is imported as altyn.pos, never as " + __name__)
