"""The HTTP door: webhooks, an OpenAPI 3.1 API of everything the app can do, health and metrics."""
