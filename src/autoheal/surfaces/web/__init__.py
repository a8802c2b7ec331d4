"""The web door: server-rendered pages that work without JavaScript, on a phone, by keyboard, at night."""
