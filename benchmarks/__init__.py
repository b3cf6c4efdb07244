"""What `make bench` measures; nothing here is asserted, it is printed."""
