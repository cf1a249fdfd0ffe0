package stack

import (
	"slices"

	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
)

// newSubscribe adds the function that reads with a client.
func newSubscribe(d *drawing, client string, subs []*config.Subscription) function {
	scope := d.group("Clients", client, "Subscribe")
	fn := newFunction(d, scope, functionProps{
		kind:        Subscribe,
		name:        d.Name.SubscribeFunction(client),
		description: "Reads from Intercom with the client " + client,
		client:      client,
		timeout:     subscribeTimeout,
		memory:      subscribeMemory,
		recursive:   true, // a long run goes on in another invocation of its own
	})
	fn.role.allow("Token", []string{"secretsmanager:GetSecretValue"}, d.secretARN(d.Name.Token(client)))
	fn.role.wildcard(secretSuffix, secretReason)
	fn.role.allow("GoOn", []string{"lambda:InvokeFunction"}, d.functionARN(fn.name))
	newFailures(d, scope, fn)
	grantDestinations(d, fn.role, client, "events", names.EventsPrefix, events(subs))
	if slices.ContainsFunc(subs, func(s *config.Subscription) bool { return s.To.Type != "s3" }) {
		grantLeave(d, fn.role, client)
	}
	grantQuarantine(d, fn.role, subs)
	return fn
}

// events are where the subscriptions' events go.
func events(subs []*config.Subscription) []target {
	var list []target
	for _, s := range subs {
		list = append(list, target{s.Name, &s.To})
	}
	return list
}

// maxListed is how many subscriptions of a client are named one by one. A role has
// room for ten policies, and what goes to the bucket needs nine of them.
const maxListed = 100

// grantQuarantine lets a role put aside what cannot go on.
func grantQuarantine(d *drawing, r role, subs []*config.Subscription) {
	var objects []*string
	for _, s := range subs {
		objects = append(objects, d.objects(names.QuarantinePrefix+s.Name+"/*"))
	}
	if len(objects) > maxListed {
		objects = []*string{d.objects(names.QuarantinePrefix + "*")}
	}
	r.allowMany("Quarantine", []string{"s3:PutObject"}, objects)
	r.wildcard(names.QuarantinePrefix+`([^/]+/)?\*`, objectNames)
}
