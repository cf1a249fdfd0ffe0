package cli

import (
	"log/slog"

	"intercom-connector/internal/config"
	"intercom-connector/shared/intercom"
)

// clients makes each client once, because all that use an app share its rate
// limit and so should share a Governor.
type clients struct {
	app     *app
	cfg     *config.Config
	log     intercom.LogMode // "" for what the configuration says
	offline bool             // nothing will be sent: no token is needed
	made    map[string]*intercom.Client
}

func (a *app) clients(cfg *config.Config, log string) *clients {
	return &clients{app: a, cfg: cfg, log: intercom.LogMode(log), made: map[string]*intercom.Client{}}
}

func (c *clients) get(name string) (*intercom.Client, error) {
	if client := c.made[name]; client != nil {
		return client, nil
	}
	token := intercom.StaticToken("none")
	if !c.offline {
		var err error
		if token, err = c.app.token(c.cfg, name); err != nil {
			return nil, err
		}
	}
	settings := c.cfg.Clients[name]
	mode := c.log
	if mode == "" {
		mode = intercom.LogMode(settings.LogRequests)
	}
	client, err := intercom.New(intercom.Config{
		Name:      name,
		BaseURL:   settings.BaseURL,
		Version:   settings.Version,
		Token:     token,
		Governor:  intercom.NewGovernor(intercom.GovernorConfig{Reserve: c.cfg.Reserve(name)}),
		UserAgent: "intercom-connector/" + version(),
		// Whoever asks for the request log wants to see it, whatever else is logged.
		Log:     c.app.logger(slog.LevelInfo),
		LogMode: mode,
	})
	if err != nil {
		return nil, err
	}
	c.made[name] = client
	return client, nil
}

func (c *clients) close() {
	for _, client := range c.made {
		client.Close()
	}
}
