"""Parts that every page uses: request context, rendering, security, charts and time formats."""
