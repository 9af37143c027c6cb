"""Two applications that use sqreen_mw as any application would: a shop and a bank."""
