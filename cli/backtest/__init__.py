"""`altyn backtest`: what a draft would have cost over the days the journal knows, for a terminal."""
