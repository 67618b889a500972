"""From a draft to the tills: review, approval by other eyes, a date, a stop; receipts that publishing watches."""
