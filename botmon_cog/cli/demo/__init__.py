"""The demo: a music bot on a loopback Discord, people who use it, and what an admin and the owner see."""
