"""Events and deliveries as rows; every change carries its audit entry."""
