if __name__ != "altyn.register":
    raise ImportError("this folder is imported as altyn.register, never as " + __name__)
