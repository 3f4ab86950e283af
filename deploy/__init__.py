"""Everything that puts Quintet on a machine: a laptop, one server, several."""
