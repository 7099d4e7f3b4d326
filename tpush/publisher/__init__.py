"""The publisher: takes HTTP requests of back ends, and publishes what they carry."""
