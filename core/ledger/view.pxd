"""Nothing here is for C: see view.pyi."""
