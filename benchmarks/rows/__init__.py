"""What is measured, a module each; each says in its docstring how."""
