"""The sandbox: one store whose cards, goods and promotions are known by heart, for people who write tills."""
