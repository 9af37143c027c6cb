"""In your app: takes events, seals them and delivers them, without a framework or a database."""
