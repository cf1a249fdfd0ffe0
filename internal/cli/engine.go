package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"intercom-connector/internal/config"
	"intercom-connector/internal/local/sqlitestate"
	"intercom-connector/internal/state"
	"intercom-connector/internal/subscribe"
)

// look opens what is remembered for who only looks at it: where nothing is
// remembered yet, nothing is made.
func (a *app) look(ctx context.Context) (store *sqlitestate.Store, exists bool, err error) {
	path := a.statePath()
	exists = true
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		path, exists = sqlitestate.Memory, false
	}
	store, err = sqlitestate.Open(ctx, path)
	return store, exists, err
}

// rehearsal returns an engine that delivers nowhere.
func (a *app) rehearsal(c *clients, sub *config.Subscription, store state.Store) (*subscribe.Engine, *aside, error) {
	api, err := c.get(sub.Client)
	if err != nil {
		return nil, nil, err
	}
	put := &aside{}
	engine, err := subscribe.New(subscribe.Config{
		Subscription: sub,
		Client:       c.cfg.Clients[sub.Client],
		API:          api,
		Store:        store,
		Log:          a.log(),
		Owner:        owner(),
	})
	return engine, put, err
}

// aside keeps what would be put into quarantine, to show it.
type aside struct{ items []subscribe.Quarantined }

// Put implements subscribe.Quarantine.
func (q *aside) Put(_ context.Context, item subscribe.Quarantined) error {
	q.items = append(q.items, item)
	return nil
}

// owner names this process in a lease.
func owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "laptop"
	}
	return fmt.Sprintf("%s/%s", host, strconv.Itoa(os.Getpid()))
}
