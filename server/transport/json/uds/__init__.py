"""The UDS partner protocol over our call table: for tills and shop modules that already speak it."""
