if __name__ != "altyn.migrations":
    raise ImportError("this folder is imported as altyn.migrations, never as " + __name__)
