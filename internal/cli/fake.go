package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"intercom-connector/shared/intercom"
	"intercom-connector/shared/intercom/intercomtest"
)

// fakeCommand serves a made-up workspace until it is interrupted.
type fakeCommand struct {
	Port  int    `default:"0" help:"On the loopback address; 0: any that is free."`
	Token string `default:"fake-token" help:"The only token that is accepted; empty: any."`
	Seed  uint64 `help:"Another number, other records."`

	Contacts      int    `aliases:"size" default:"1000" help:"How many contacts there are."`
	Conversations int    `default:"300" help:"How many conversations."`
	Tickets       int    `default:"200" help:"How many tickets."`
	Companies     int    `default:"100" help:"How many companies."`
	Articles      int    `default:"40" help:"How many articles."`
	RecordSize    int    `placeholder:"BYTES" help:"What a contact has at least."`
	Timezone      string `default:"UTC" help:"Of the workspace."`
	Region        string `placeholder:"us|eu|au" default:"us" help:"Of the workspace, as /me tells it."`

	Latency  time.Duration `default:"0s" help:"Of every answer."`
	Limit    int           `default:"10000" help:"Requests a minute, metered in windows of ten seconds; 0: no limit."`
	IndexLag time.Duration `default:"0s" help:"How much later a search sees a change."`
	Change   time.Duration `default:"0s" help:"Change a contact so often; 0: never."`
	Fault    []faultFlag   `placeholder:"KIND=SHARE" help:"Let a share of the requests go wrong: 500=0.01. Kinds: 429, 500, 502, 404, 403, empty, cut, reset, slow."`
}

// Run implements the command.
func (c *fakeCommand) Run(ctx context.Context, a *app) error {
	zone, err := time.LoadLocation(c.Timezone)
	if err != nil {
		return usagef("--timezone %q is not a name such as Europe/Amsterdam", c.Timezone)
	}
	if c.Limit < 0 || c.Limit > 0 && c.Limit < 6 {
		return usagef("--limit is at least 6 requests a minute, or 0 for none")
	}
	if c.Port < 0 || c.Port > 65535 {
		return usagef("--port is a number up to 65535, 0 for any that is free, not %d", c.Port)
	}
	region := strings.ToUpper(c.Region)
	if !slices.Contains(intercom.Regions(), strings.ToLower(region)) {
		return usagef("--region is %s, not %q", list(intercom.Regions(), "or"), c.Region)
	}
	ws := intercomtest.New(intercomtest.Config{
		Token: c.Token, Seed: c.Seed, Zone: zone, Region: region,
		Contacts: orNone(c.Contacts), Conversations: orNone(c.Conversations), Tickets: orNone(c.Tickets),
		Companies: orNone(c.Companies), Articles: orNone(c.Articles), RecordSize: c.RecordSize,
		Latency: c.Latency, Limit: c.Limit / 6, IndexLag: c.IndexLag,
	})
	for _, f := range c.Fault {
		ws.Fault(f.fault())
	}
	server, err := serve(ctx, ws, c.Port)
	if errors.Is(err, syscall.EADDRINUSE) {
		return usagef("port %d is taken: choose another with --port, 0 for any that is free", c.Port)
	}
	if err != nil {
		return err
	}
	if err := c.announce(a, server.url); err != nil {
		return err
	}
	c.change(ctx, ws)
	<-ctx.Done()
	server.close(ctx)
	a.note("served %s", count(int64(ws.Stats().Requests), "request"))
	return nil
}

// orNone turns 0, which intercomtest takes for a default, into none.
func orNone(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

// change changes a contact every now and then, until ctx ends.
func (c *fakeCommand) change(ctx context.Context, ws *intercomtest.Workspace) {
	if c.Change <= 0 || c.Contacts <= 0 {
		return
	}
	go func() {
		ticker := time.NewTicker(c.Change)
		defer ticker.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				ws.Touch(intercomtest.Contacts, ws.ID(intercomtest.Contacts, n%c.Contacts))
			}
		}
	}()
}

const fakeText = `serving a made-up workspace on %[1]s until Ctrl-C

# connector.yaml
clients:
  main:
    base_uri: %[1]s
    auth: access_token
subscriptions:
  contacts:
    client: main
    entity: contacts
    sync: incremental
    to: {type: file, path: contacts.ndjson}

INTERCOM_TOKEN=%[2]s connector run contacts
`

func (c *fakeCommand) announce(a *app, url string) error {
	token := c.Token
	if token == "" {
		token = "any"
	}
	if a.global.JSON {
		return writeJSON(a.Stdout, map[string]string{"url": url, "token": token})
	}
	_, err := fmt.Fprintf(a.Stdout, fakeText, url, quote(token))
	return err
}

// A server is a workspace on a port.
type server struct {
	url   string
	http  *http.Server
	ended chan struct{}
}

// serve serves a workspace on the loopback address. Its requests do not outlive
// ctx by much: whoever still waits for a slow answer gets none.
func serve(ctx context.Context, handler http.Handler, port int) (*server, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("serve the workspace: %w", err)
	}
	s := &server{
		url: "http://" + listener.Addr().String(),
		http: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 10 * time.Second,
			BaseContext:       func(net.Listener) context.Context { return ctx },
		},
		ended: make(chan struct{}),
	}
	go func() {
		defer close(s.ended)
		_ = s.http.Serve(listener) // it ends with close, and its error says so
	}()
	return s, nil
}

// close ends the requests under way within a moment, and the server.
func (s *server) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // a connection that does not end by itself
	}
	<-s.ended
}
