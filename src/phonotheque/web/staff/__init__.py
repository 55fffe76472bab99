"""Pages behind a login, on which staff review what visitors ask for."""
