"""Tables and formulas to matrices and group indices."""
