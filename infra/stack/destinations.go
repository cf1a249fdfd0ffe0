package stack

import (
	"maps"
	"slices"

	"github.com/aws/jsii-runtime-go"

	"intercom-connector/internal/config"
	"intercom-connector/internal/names"
)

// A target is where a subscription's events or a publisher's responses go.
type target struct {
	name string // of the subscription or the publisher
	to   *config.Destination
}

// send is what sending in batches takes. AWS asks for the first only; emulators
// ask for what the call is named, which AWS ignores.
var send = []string{"sqs:SendMessage", "sqs:SendMessageBatch"}

const objectNames = "The names of the objects are made when they are written; the prefix is theirs alone."

// grantDestinations lets a client's role deliver to targets. Of what the stack has
// made for them, kind is that of the queues and prefix that of the objects.
func grantDestinations(d *drawing, r role, client, kind, prefix string, targets []target) {
	own := false
	var keys []*string
	queues, buses := map[string]*string{}, map[string]*string{} // by what tells them apart
	for _, t := range targets {
		prefix := prefix + t.name + "/*"
		switch to := t.to; {
		case made(to, "sqs"):
			own = true
		case to.Type == "sqs":
			queues[to.ARN] = &to.ARN
		case to.Type == "publisher":
			queues[to.Name] = d.queues.publishers[to.Name].messages.AttrArn()
		case made(to, "s3"):
			keys = append(keys, d.objects(prefix))
		case to.Type == "s3":
			keys = append(keys, jsii.String(to.ARN+"/"+prefix))
		case made(to, "eventbridge"):
			buses[""] = d.storage.bus.AttrArn()
		case to.Type == "eventbridge":
			buses[to.ARN] = &to.ARN
		}
	}
	if own {
		r.allowOwn(d, "Deliver", send, client, kind)
	}
	r.allowMany("Queues", send, sorted(queues))
	r.allowMany("Buses", []string{"events:PutEvents"}, sorted(buses))
	r.allowMany("Objects", []string{"s3:PutObject"}, keys)
	if len(keys) > 0 {
		r.wildcard(`/\*`, objectNames)
	}
}

// grantLeave lets a client's role leave what is too large for a queue or a bus.
func grantLeave(d *drawing, r role, client string) {
	r.allow("LeaveClaims", []string{"s3:PutObject"}, d.objects(names.ClaimsPrefix+client+"/*"))
	r.wildcard(names.ClaimsPrefix+`[^/]+/\*`, objectNames)
}

// objects are those of the stack's bucket whose keys match a pattern.
func (d *drawing) objects(pattern string) *string { return d.storage.bucket.ArnForObjects(&pattern) }

// allowOwn allows a client's role something with the client's queues of a kind,
// FIFO or not. A pattern keeps a role small however many publishers there are:
// no name in connector.yaml has an underscore, so it matches no other client's.
func (r role) allowOwn(d *drawing, sid string, actions []string, client, kind string) {
	name := string(d.Name) + "_" + client + "_*_" + kind
	r.allow(sid, actions, d.queueARN(name), d.queueARN(name+".fifo"))
	r.wildcard(`_\*_`+kind+`(\.fifo)?`,
		"All queues of one kind of one client, by the names that this stack gives them: a list of them would not fit a role.")
}

// maxResources is how many resources a statement has: the CDK moves what is too
// much for a role into policies of its own, a statement at a time.
const maxResources = 25

// allowMany is allow for any number of resources.
func (r role) allowMany(sid string, actions []string, resources []*string) {
	i := 0
	for part := range slices.Chunk(resources, maxResources) {
		r.allow(numbered(sid, i), actions, part...)
		i++
	}
}

// sorted returns the values in the order of their keys.
func sorted(m map[string]*string) []*string {
	var list []*string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[key])
	}
	return list
}
