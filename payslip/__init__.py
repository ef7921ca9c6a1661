"""Pay: inputs, pay, signatures, sealed payslips (built in a later release)."""
