if __name__ != "altyn.server":
    raise ImportError("this folder is imported as altyn.server, never as " + __name__)
