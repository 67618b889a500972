if __name__ != "altyn.admin_api":
    raise ImportError("this folder is imported as altyn.admin_api, never as " + __name__)
