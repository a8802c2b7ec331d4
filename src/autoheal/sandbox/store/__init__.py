"""A small store for logs and spans that speaks the part of Loki's and Jaeger's query APIs that we use."""
