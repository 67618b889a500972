"""Pages of the programme: currencies, limits, tiers, stores, goods, segments, series of cards and codes."""
