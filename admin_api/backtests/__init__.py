"""What a draft would have cost: sales of the journal replayed on it, in processes of their own."""
