"""What is going on now and went on lately, for the first page of the console. Reads only."""
