"""The loyalty program: its title, zone and money, with its points currencies."""
