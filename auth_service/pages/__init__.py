"""Door 2: HTML. Where people register, sign in and look after their account."""
