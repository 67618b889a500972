if __name__ != "altyn.journal":
    raise ImportError("this folder is imported as altyn.journal, never as " + __name__)
