"""The cockpit (经营指挥舱): what managers see of sales, ads, stock, alerts and what was done about them."""
