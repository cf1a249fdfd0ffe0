package file

// A Document is connector.yaml as people write it: clients say how to reach
// Intercom, subscriptions what to read, publishers what to write.
type Document struct {
	located

	// Clients are the Intercom workspaces to talk to, by a name of your own:
	// lower-case letters, digits and dashes.
	Clients map[string]*Client `yaml:"clients" jsonschema:"required"`
	// Subscriptions are standing orders to read, by name.
	Subscriptions map[string]*Subscription `yaml:"subscriptions"`
	// Publishers are standing orders to write, by name. Each has a queue of its
	// own that your systems send messages to.
	Publishers map[string]*Publisher `yaml:"publishers"`
	// Stack is about the AWS resources as a whole. All of it is optional.
	Stack *Stack `yaml:"stack"`
}

// A Stack is what to decide about the AWS resources as a whole.
type Stack struct {
	located

	// Tags are put on every resource.
	Tags map[string]Text `yaml:"tags"`
	// Tracing switches AWS X-Ray on for the functions. Default: false.
	Tracing *bool `yaml:"tracing"`
	// LogRetention is how long logs are kept, one of CloudWatch's choices: 1d,
	// 3d, 5d, 7d, 14d, 30d (the default), 60d, 90d, 120d, 150d, 180d, 365d, 400d,
	// 545d, 731d, 1096d, 1827d, 2192d, 2557d, 2922d, 3288d or 3653d.
	LogRetention string `yaml:"log_retention" jsonschema:"example=30d"`
	// AlarmEmail is told of every alarm, once it has confirmed that it wants to be.
	AlarmEmail string `yaml:"alarm_email" jsonschema:"example=on-call@example.com"`
	// Network is a VPC of yours for the functions to run in, where Intercom has to
	// see a fixed address: that of your NAT gateway. Default: Lambda's own network.
	Network *Network `yaml:"network"`
}

// A Network is a VPC with a way out to the internet and to AWS.
type Network struct {
	located

	// VPC is its id.
	VPC string `yaml:"vpc" jsonschema:"required,example=vpc-0a1b2c3d"`
	// Subnets are the private ones with a route to a NAT gateway.
	Subnets []string `yaml:"subnets" jsonschema:"required"`
	// SecurityGroups have to let HTTPS out; nothing has to come in.
	SecurityGroups []string `yaml:"security_groups" jsonschema:"required"`
}

// A Client is how to reach one workspace.
type Client struct {
	located

	// Region is where Intercom hosts the workspace. Default: us.
	Region string `yaml:"region" jsonschema:"enum=us,enum=eu,enum=au"`
	// BaseURI replaces the region's address, for a proxy or a test server:
	// https, or http on a loopback address.
	BaseURI string `yaml:"base_uri"`
	// Version is the Intercom-Version sent with every request. Default: "2.16".
	Version Text `yaml:"version" jsonschema:"example=2.16"`
	// Auth is where the token comes from: access_token (the default), or a
	// mapping with type oauth.
	Auth *Auth `yaml:"auth"`
	// Workspace is the id of the workspace; a token of any other is refused.
	// Default: the workspace of the first token that is used.
	Workspace Text `yaml:"workspace" jsonschema:"example=ab12cd34"`
	// Timezone is the workspace's, as an IANA name. It is used where the token
	// may not ask Intercom for it, and for start dates without a time.
	Timezone string `yaml:"timezone" jsonschema:"example=Europe/Amsterdam"`
	// LogRequests is how much of each request and answer is logged: off (the
	// default), headers, or bodies with their values masked. Tokens never are.
	LogRequests string `yaml:"log_requests" jsonschema:"enum=off,enum=headers,enum=bodies"`
}

// An Auth is where a client's token comes from.
type Auth struct {
	located

	// Type is access_token for a private app's token, oauth for "grant access".
	Type string `yaml:"type" jsonschema:"required,enum=access_token,enum=oauth"`
	// AuthorizeURL is the page that asks for access. Default: the region's.
	AuthorizeURL string `yaml:"authorize_url"`
	// TokenURL is where the code of a grant becomes a token. Default:
	// https://api.intercom.io/auth/eagle/token, in every region.
	TokenURL string `yaml:"token_url"`
	// CallbackURL is where Intercom sends the browser of whoever grants access,
	// as it stands among the app's redirect URLs: an https address that ends in
	// /oauth/callback. Default: the stack's own, and on a laptop
	// https://localhost:8765/oauth/callback.
	CallbackURL string `yaml:"callback_url"`
}

// A Subscription is a standing order to read.
type Subscription struct {
	located

	// Client is the name of the client to read with.
	Client string `yaml:"client" jsonschema:"required"`
	// Entity is what to read: a path of Intercom's API, in full
	// (contacts/{contact_id}/notes) or without its parameters (contacts/notes).
	Entity string `yaml:"entity" jsonschema:"required,example=contacts,example=conversations/search"`
	// Sync is full to send the request as it stands on every run (the default),
	// or incremental for only what changed since the last run.
	Sync string `yaml:"sync" jsonschema:"enum=full,enum=incremental"`
	// Start is how far back the first incremental run goes: a date, or a time
	// with its offset. A date begins in the client's time zone, else in UTC.
	// Default: everything there is.
	Start string `yaml:"start" jsonschema:"example=2024-01-01,example=2024-01-01T12:00:00+01:00"`
	// Schedule is when to run, in the words of EventBridge Scheduler: rate(…),
	// cron(…) or at(…). Without one it runs by hand only.
	Schedule string `yaml:"schedule" jsonschema:"example=rate(5 minutes),example=cron(0 6 * * ? *)"`
	// Timezone is the schedule's, as an IANA name. Default: UTC.
	Timezone string `yaml:"timezone" jsonschema:"example=Europe/Amsterdam"`
	// Path has a value for each path parameter of the entity; one without a
	// value is filled in by request_transform.
	Path map[string]*Text `yaml:"path"`
	// Query is the query string: a text, a number, true, false, or a list of
	// them for each parameter.
	Query map[string]any `yaml:"query"`
	// Payload is the body of the request. For an incremental search only query
	// may stand here; it is asked for together with the time of change.
	Payload map[string]any `yaml:"payload"`
	// RequestTransform is a jq program over {path, query, payload, input, run}.
	// Each of its outputs is a request.
	RequestTransform string `yaml:"request_transform"`
	// Paginate reads every page, not the first only. Incremental runs always do.
	// Default: false.
	Paginate *bool `yaml:"paginate"`
	// RecordTransform is a jq program over each record. It may yield none, one
	// or several records.
	RecordTransform string `yaml:"record_transform"`
	// Lag is how long before its start an incremental run stops looking, because
	// changes take a moment to be seen. Default: 1m.
	Lag string `yaml:"lag" jsonschema:"example=1m"`
	// Overlap is how much of the time before the last run is read again, because
	// the search index is late; what was delivered is not delivered again.
	// Default: 10m.
	Overlap string `yaml:"overlap" jsonschema:"example=10m"`
	// Resweep reads what changed lately again now and then, because not every
	// change moves a record's time of change. off switches it off.
	Resweep *Resweep `yaml:"resweep"`
	// SideEffects has to be allow where reading the entity changes something in
	// the workspace.
	SideEffects string `yaml:"side_effects" jsonschema:"enum=allow"`
	// To is where the events go.
	To *Destination `yaml:"to" jsonschema:"required"`
	// Enabled can switch the subscription off without removing it. Default: true.
	Enabled *bool `yaml:"enabled"`
}

// A Resweep says how often, and how far back, to read again. In its place can
// stand the word off.
type Resweep struct {
	located
	off bool

	// Every is the time from one resweep to the next. Default: 24h.
	Every string `yaml:"every" jsonschema:"example=24h"`
	// Window is how far back a resweep looks. Default: 48h.
	Window string `yaml:"window" jsonschema:"example=48h,example=2d"`
}

// A Destination is where events, or a publisher's responses, go.
type Destination struct {
	located

	// Type is a queue (sqs), a bucket (s3), an event bus (eventbridge), one of
	// the publishers (publisher, not for responses), and on a laptop a file or
	// stdout.
	Type string `yaml:"type" jsonschema:"required,enum=sqs,enum=s3,enum=eventbridge,enum=publisher,enum=file,enum=stdout"`
	// FIFO makes a queue keep the order of each record's events. Only for sqs.
	// Default: false.
	FIFO *bool `yaml:"fifo"`
	// ARN is an existing queue, bucket or bus. Without one, one is made.
	ARN string `yaml:"arn"`
	// Path is the file that events are appended to. Only for file.
	Path string `yaml:"path"`
	// Name is the publisher that every record becomes a message of: the data of
	// the event, with the event's id as the message's id and the record's id as
	// its group. Only for publisher.
	Name string `yaml:"name" jsonschema:"example=archive-note"`
}

// A Publisher is a standing order to write.
type Publisher struct {
	located

	// Client is the name of the client to write with.
	Client string `yaml:"client" jsonschema:"required"`
	// Method is the HTTP method, as Intercom documents it.
	Method string `yaml:"method" jsonschema:"required,enum=POST,enum=PUT,enum=PATCH,enum=DELETE"`
	// Entity is what to write: a path of Intercom's API, in full
	// (contacts/{contact_id}/notes) or without its parameters (contacts/notes).
	Entity string `yaml:"entity" jsonschema:"required,example=contacts/{contact_id}"`
	// Path has defaults for path parameters; messages bring the others.
	Path map[string]*Text `yaml:"path"`
	// Query has defaults for the query string; messages bring more, or others.
	Query map[string]any `yaml:"query"`
	// Payload has defaults for the body; messages bring more, or others.
	Payload map[string]any `yaml:"payload"`
	// MessageTransform is a jq program that makes {path, query, payload} of
	// whatever your systems send.
	MessageTransform string `yaml:"message_transform"`
	// OnConflict makes POST contacts update the contact that exists already.
	OnConflict string `yaml:"on_conflict" jsonschema:"enum=update"`
	// UnknownAttributes is what happens to a message with a custom attribute that
	// Intercom does not know: it goes to the dead letters (dead, the default), the
	// attribute is created (create) or left out (drop).
	UnknownAttributes string `yaml:"unknown_attributes" jsonschema:"enum=dead,enum=create,enum=drop"`
	// FIFO keeps the order of messages that share a MessageGroupId. Default: false.
	FIFO *bool `yaml:"fifo"`
	// Responses is where Intercom's answers go. Default: nowhere.
	Responses *Destination `yaml:"responses"`
	// GiveUpAfter is how long a message is tried again before it becomes a dead
	// letter, at most 14d. Default: 12h.
	GiveUpAfter string `yaml:"give_up_after" jsonschema:"example=12h"`
	// Enabled can switch the publisher off without removing it. Default: true.
	Enabled *bool `yaml:"enabled"`
}

// A Text is a text that may be written as a number: 2.16 means "2.16".
type Text string

// located is a part of a document that knows where it stands.
type located struct{ node *node }

func (l *located) setNode(n *node) { l.node = n }

// words are the short forms of an auth.
func (*Auth) words() []string { return []string{"access_token", "oauth"} }

func (a *Auth) setWord(word string) { a.Type = word }

// words are what can stand in place of a resweep.
func (*Resweep) words() []string { return []string{"off"} }

func (r *Resweep) setWord(string) { r.off = true }
