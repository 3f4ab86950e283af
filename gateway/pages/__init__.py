"""What people see when the gateway itself has to answer."""
