"""An installation in which three months have passed, played against the sandbox: for `syncer demo --console`."""
