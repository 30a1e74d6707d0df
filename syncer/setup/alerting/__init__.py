"""What `syncer check` says of channels."""
