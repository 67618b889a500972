if __name__ != "altyn.infra":
    raise ImportError("this folder is imported as altyn.infra, never as " + __name__)
