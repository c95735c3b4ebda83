"""What samples: the embedded Stan engine, CmdStan, and recorded draws."""
