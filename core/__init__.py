if __name__ != "altyn.core":
    raise ImportError("this folder is imported as altyn.core, never as " + __name__)
