"""What the app tells about itself, under the names of the OpenTelemetry semantic conventions."""
