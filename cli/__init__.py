if __name__ != "altyn.cli":
    raise ImportError("this folder is imported as altyn.cli, never as " + __name__)
