"""The demonstration programme: a published retail dataset, promotions over it, a replay and its report."""
