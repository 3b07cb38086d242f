"""What a site means, beyond whether it can be read: alarms that cannot come, come too late, or that nobody sees."""
