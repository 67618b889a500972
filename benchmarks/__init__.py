if __name__ != "altyn.benchmarks":
    raise ImportError("this folder is imported as altyn.benchmarks, never as " + __name__)
