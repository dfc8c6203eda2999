"""What queue and clock may wake in this app: each task is one service call, and bears repetition."""
