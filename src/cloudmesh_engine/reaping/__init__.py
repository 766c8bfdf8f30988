"""The reaper: finds what should be gone, and deletes it."""
