"""What `make run` and the tests start on one machine: data stores from wheels, and their supervisor."""
