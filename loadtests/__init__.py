if __name__ != "altyn.loadtests":
    raise ImportError("this folder is imported as altyn.loadtests, never as " + __name__)
