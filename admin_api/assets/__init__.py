"""Points currencies. An asset keeps its number and its scale for ever."""
