package stack

import (
	"maps"
	"slices"

	"intercom-connector/internal/config"
)

// clients are the names of all clients, sorted.
func clients(cfg *config.Config) []string { return slices.Sorted(maps.Keys(cfg.Clients)) }

// oauthClients are those of them that are granted access by OAuth.
func oauthClients(cfg *config.Config) []string {
	return slices.DeleteFunc(clients(cfg), func(name string) bool { return cfg.Clients[name].Auth.Type != config.OAuth })
}

// subscriptions are those of a client that AWS can run, sorted by name: one that
// writes a file stays on the laptop.
func subscriptions(cfg *config.Config, client string) []*config.Subscription {
	var list []*config.Subscription
	for _, name := range slices.Sorted(maps.Keys(cfg.Subscriptions)) {
		if s := cfg.Subscriptions[name]; s.Client == client && !local(s.To) {
			list = append(list, s)
		}
	}
	return list
}

// publishers are those of a client, sorted by name.
func publishers(cfg *config.Config, client string) []*config.Publisher {
	var list []*config.Publisher
	for _, name := range slices.Sorted(maps.Keys(cfg.Publishers)) {
		if p := cfg.Publishers[name]; p.Client == client {
			list = append(list, p)
		}
	}
	return list
}

// working are the publishers that are enabled. The others keep their queues,
// because those may hold messages, and have nothing that takes from them.
func working(list []*config.Publisher) []*config.Publisher {
	return slices.DeleteFunc(slices.Clone(list), func(p *config.Publisher) bool { return !p.Enabled })
}

// local says whether a destination is on a laptop.
func local(to config.Destination) bool { return to.Type == "file" || to.Type == "stdout" }

// made says whether a destination is one of that type that the stack makes.
func made(to *config.Destination, kind string) bool {
	return to != nil && to.Type == kind && to.ARN == ""
}
