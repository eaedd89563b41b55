"""What everything that is shown in Discord is built from: answers and who gets them, embeds' parts, buttons."""
