package config

// reserve is the share of a rate limit that reading leaves to publishers.
const reserve = 0.05

// Reserve returns the share of a client's rate limit that reading leaves to
// writing, so that what is published goes first: none where nobody publishes.
func (c *Config) Reserve(client string) float64 {
	for _, p := range c.Publishers {
		if p.Client == client && p.Enabled {
			return reserve
		}
	}
	return 0
}
