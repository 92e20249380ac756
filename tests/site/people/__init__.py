"""The new site's own app: people who sign in with an e-mail address, and one page."""
