// Package config turns connector.yaml into a checked [Config]: what a user
// decides, and nothing the stack decides. Whatever can be wrong with it is
// found here, all at once and with its place, never while a run is under way.
package config

import (
	"encoding/json"
	"time"

	"intercom-connector/internal/schedule"
	"intercom-connector/shared/intercom"
)

// A Config is a whole connector.yaml, checked: every name it refers to exists,
// every entity is resolved, every program compiles.
type Config struct {
	Clients       map[string]*Client       `json:"clients"`
	Subscriptions map[string]*Subscription `json:"subscriptions,omitempty"`
	Publishers    map[string]*Publisher    `json:"publishers,omitempty"`
	Stack         Stack                    `json:"stack,omitzero"`
}

// A Stack is what a user decides about the AWS resources as a whole. Most of it
// is of account to infra only.
type Stack struct {
	Tags map[string]string `json:"tags,omitempty"` // on every resource
	// Tracing switches X-Ray on for the functions.
	Tracing bool `json:"tracing,omitempty"`
	// LogRetention is how many days logs are kept, one of CloudWatch's choices;
	// default: 30.
	LogRetention int `json:"log_retention,omitempty"`
	// AlarmEmail is subscribed to the alarms' topic, "" for nobody.
	AlarmEmail string   `json:"alarm_email,omitempty"`
	Network    *Network `json:"network,omitempty"` // nil: Lambda's own
}

// A Network is the VPC that the functions run in, for a fixed address behind
// the user's own NAT.
type Network struct {
	VPC            string   `json:"vpc"`
	Subnets        []string `json:"subnets"`
	SecurityGroups []string `json:"security_groups"`
}

// A Client is how to reach one workspace.
type Client struct {
	Name    string `json:"name"`
	BaseURL string `json:"base_url"`         // https://api.eu.intercom.io, never a trailing slash
	Region  string `json:"region,omitempty"` // us, eu or au; "" where base_uri is given
	Version string `json:"version"`          // Intercom-Version
	Auth    Auth   `json:"auth"`
	// Workspace is the only workspace whose token is accepted, "" for any.
	Workspace string `json:"workspace,omitempty"`
	// Timezone stands in for the workspace's where /me is not permitted.
	Timezone    string     `json:"timezone,omitempty"`
	LogRequests LogRequest `json:"log_requests,omitempty"`
}

// An Auth is how a client gets its token.
type Auth struct {
	Type         AuthType `json:"type"`
	AuthorizeURL string   `json:"authorize_url,omitempty"`
	TokenURL     string   `json:"token_url,omitempty"`
	// CallbackURL is the address of the callback that the app has registered;
	// "" for the stack's own.
	CallbackURL string `json:"callback_url,omitempty"`
}

// An AuthType is one of the ways to get a token.
type AuthType string

// The ways to get a token.
const (
	AccessToken AuthType = "access_token"
	OAuth       AuthType = "oauth"
)

// A LogRequest says how much of a client's requests is logged.
type LogRequest string

// How much is logged.
const (
	LogOff     LogRequest = "off"
	LogHeaders LogRequest = "headers"
	LogBodies  LogRequest = "bodies"
)

// A Sync is a way to keep up with an entity.
type Sync string

// The ways to keep up.
const (
	Full        Sync = "full"
	Incremental Sync = "incremental"
)

// A Subscription is a standing order to read.
type Subscription struct {
	Name   string `json:"name"`
	Client string `json:"client"`
	Entity string `json:"entity"` // as the user wrote it
	// Method and Route name the operation in the catalog; Operation is that
	// entry, looked up again when the compact form is read.
	Method    string              `json:"method"`
	Route     string              `json:"route"`
	Operation *intercom.Operation `json:"-"`

	// Path has a value for each parameter of the operation; nil means that the
	// request transformer fills it.
	Path    map[string]*string `json:"path,omitempty"`
	Query   map[string]any     `json:"query,omitempty"`   // strings, json.Numbers, booleans, or lists ([]any) of them
	Payload json.RawMessage    `json:"payload,omitempty"` // a JSON object, nil for none

	Sync     Sync      `json:"sync"`
	Start    time.Time `json:"start,omitzero"` // how far back the first incremental run goes; zero: everything
	Paginate bool      `json:"paginate,omitempty"`

	RequestTransform string `json:"request_transform,omitempty"` // jq, "" for none
	RecordTransform  string `json:"record_transform,omitempty"`  // jq, "" for none

	// Lag, Overlap and Resweep are of account for an incremental read only.
	Lag     time.Duration `json:"lag"`     // default 1m
	Overlap time.Duration `json:"overlap"` // default 10m
	Resweep Resweep       `json:"resweep"`

	Schedule *schedule.Schedule `json:"schedule,omitempty"` // nil: by hand only
	To       Destination        `json:"to"`
	Enabled  bool               `json:"enabled"`
}

// A Resweep re-reads what changed lately, because updated_at does not move
// with everything that changes.
type Resweep struct {
	Every  time.Duration `json:"every"`  // default 24h; 0 switches it off
	Window time.Duration `json:"window"` // default 48h
}

// A Destination is where a subscription's events go.
type Destination struct {
	Type string `json:"type"`           // sqs, s3, eventbridge, publisher, file or stdout
	FIFO bool   `json:"fifo,omitempty"` // sqs only
	ARN  string `json:"arn,omitempty"`  // of an existing queue, bucket or bus; "" makes one
	Path string `json:"path,omitempty"` // file only
	Name string `json:"name,omitempty"` // publisher only
}

// A Publisher is a standing order to write.
type Publisher struct {
	Name      string              `json:"name"`
	Client    string              `json:"client"`
	Entity    string              `json:"entity"`
	Method    string              `json:"method"`
	Route     string              `json:"route"`
	Operation *intercom.Operation `json:"-"`

	Path    map[string]*string `json:"path,omitempty"` // defaults; the message fills the rest
	Query   map[string]any     `json:"query,omitempty"`
	Payload json.RawMessage    `json:"payload,omitempty"`

	MessageTransform  string        `json:"message_transform,omitempty"`
	OnConflict        string        `json:"on_conflict,omitempty"`        // "" or update (POST contacts only)
	UnknownAttributes string        `json:"unknown_attributes,omitempty"` // "" (dead), create or drop
	FIFO              bool          `json:"fifo,omitempty"`
	Responses         *Destination  `json:"responses,omitempty"`
	GiveUpAfter       time.Duration `json:"give_up_after"` // default 12h
	Enabled           bool          `json:"enabled"`
}
