"""Networks of containers: drivers, addresses, published ports, and the firewall rules behind them."""
