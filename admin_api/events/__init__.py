"""What earns points without a purchase: registrations, birthdays, surveys, and what a programme makes of its own."""
